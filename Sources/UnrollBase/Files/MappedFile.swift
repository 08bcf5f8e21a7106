import Foundation
import Synchronization

/// The beginning of a file in the address space, for reading only, as long as there are references to it.
///
/// A process that truncates a mapped file kills its readers (SIGBUS). The files that are mapped here are Unroll's own:
/// they are written once, lie in a model's folder, and are only ever replaced by renaming, which leaves the old contents
/// to those that have mapped them.
package final class MappedFile: Sendable {
    /// The contents, which are never written to.
    package nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    /// The bytes that may have become resident since the last time that all were given back.
    private let resident = Atomic<Int>(0)

    /// The bytes that may stay resident; without a limit, a run through the file would slowly take all of it.
    private static let residentLimit = 32 << 20
    /// What the system maps around the place that is read, if it has it in memory.
    private static let faultAround = 1 << 16

    /// Maps the beginning of an open file; nil when the system refuses or there is nothing to map.
    init?(descriptor: Int32, byteCount: Int) {
        guard byteCount > 0 else { return nil }
        let address = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let address, address != MAP_FAILED else { return nil }
        bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// Notes that bytes have been read, and now and then gives the pages back; what is read again comes back by itself.
    package func didRead(_ byteCount: Int) {
        let added = byteCount + Self.faultAround
        let total = resident.add(added, ordering: .relaxed).newValue
        guard total > Self.residentLimit, resident.exchange(0, ordering: .relaxed) > 0 else { return }
        madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED)
    }
}
