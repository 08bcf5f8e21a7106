import Foundation
import Synchronization

/// The beginning of a file in the address space, for reading only, while there are references to it.
///
/// A process that truncates a mapped file kills its readers (SIGBUS). Only Unroll's own
/// files are mapped. They are written once, and replaced by renaming, which keeps the old contents for their readers.
package final class MappedFile: Sendable {
    /// The contents, which are never written to.
    package nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    /// The bytes that may have become resident since all were last released.
    private let resident = Atomic<Int>(0)

    /// The bytes that may stay resident.
    ///
    /// Without a limit, a pass through the file would take as much memory as it has.
    private static let residentLimit = 32 << 20
    /// The bytes that the system maps around a place that is read.
    private static let faultAround = 1 << 16

    /// Maps the beginning of an open file; nil if the system refuses or there is nothing to map.
    init?(descriptor: Int32, byteCount: Int) {
        guard byteCount > 0 else { return nil }
        let address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let address, address != MAP_FAILED else { return nil }
        bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// Notes that bytes have been read, and releases the pages now and then.
    ///
    /// Reading them again maps them again.
    package func didRead(_ byteCount: Int) {
        let added = byteCount + Self.faultAround
        let total = resident.add(added, ordering: .relaxed).newValue
        guard total > Self.residentLimit, resident.exchange(0, ordering: .relaxed) > 0 else { return }
        madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED)
    }
}
