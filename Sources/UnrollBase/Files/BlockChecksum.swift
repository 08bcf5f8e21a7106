import Foundation
import Synchronization

/// The checksum of a file of many gigabytes: the hash of the hashes of its blocks.
///
/// Blocks do not depend on each other, so that all processors check a file at once, as fast as memory is read. It finds
/// accidental changes, and is no protection from a person who looks for two files with the same checksum.
package struct BlockChecksum {
    /// The bytes of a block: few enough that one is still in the processor's cache when it is hashed.
    private static let blockSize = 1 << 18

    /// The hashes of the whole blocks so far.
    private var hashes: [UInt64] = []
    /// The bytes after them.
    private var rest: [UInt8] = []

    package init() {
        rest.reserveCapacity(Self.blockSize)
    }

    /// Adds bytes at the end.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var bytes = bytes
        while !bytes.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.blockSize - rest.count))
            rest.append(contentsOf: part)
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(part.count))
            guard rest.count == Self.blockSize else { continue }
            hashes.append(rest.withUnsafeBytes(XXH64.hash))
            rest.removeAll(keepingCapacity: true)
        }
    }

    /// The checksum of all bytes so far.
    package var value: UInt64 {
        Self.value(rest.isEmpty ? hashes : hashes + [rest.withUnsafeBytes(XXH64.hash)])
    }

    private static func value(_ hashes: [UInt64]) -> UInt64 {
        hashes.map(\.littleEndian).withUnsafeBytes(XXH64.hash)
    }

    /// The checksum of the beginning of a file; nil if the file is shorter or cannot be read.
    package static func value(of file: InputFile, byteCount: Int) -> UInt64? {
        let count = (byteCount + blockSize - 1) / blockSize
        let hashes = Mutex([UInt64?](repeating: nil, count: count))
        let next = Atomic(0)
        DispatchQueue.concurrentPerform(
            iterations: min(count, ProcessInfo.processInfo.activeProcessorCount)
        ) { _ in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: blockSize, alignment: 64)
            defer { buffer.deallocate() }
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                let start = index * blockSize
                let block = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(byteCount - start))
                // Without the hash of one block there is no checksum, and the others need not be read.
                guard (try? file.fill(block, at: start)) == block.count else {
                    next.store(count, ordering: .relaxed)
                    return
                }
                let hash = XXH64.hash(UnsafeRawBufferPointer(block))
                hashes.withLock { $0[index] = hash }
            }
        }
        let found = hashes.withLock { $0.compactMap(\.self) }
        return found.count == count ? value(found) : nil
    }
}

/// The hash XXH64 (Yann Collet, <https://github.com/Cyan4973/xxHash>) with the seed 0.
package enum XXH64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of bytes.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var (hash, index) = (prime5, 0)
        if bytes.count >= 32 {
            // Four lanes, so that no multiplication waits for the one before it.
            var (a, b, c, d) = (prime1 &+ prime2, prime2, UInt64(0), 0 &- prime1)
            while index <= bytes.count &- 32 {
                a = round(a, word(bytes, index))
                b = round(b, word(bytes, index &+ 8))
                c = round(c, word(bytes, index &+ 16))
                d = round(d, word(bytes, index &+ 24))
                index &+= 32
            }
            hash = rotated(a, 1) &+ rotated(b, 7) &+ rotated(c, 12) &+ rotated(d, 18)
            for lane in [a, b, c, d] { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
        }
        hash &+= UInt64(bytes.count)
        while index <= bytes.count &- 8 {
            hash = rotated(hash ^ round(0, word(bytes, index)), 27) &* prime1 &+ prime4
            index &+= 8
        }
        if index <= bytes.count &- 4 {
            let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            hash = rotated(hash ^ UInt64(half) &* prime1, 23) &* prime2 &+ prime3
            index &+= 4
        }
        while index < bytes.count {
            hash = rotated(hash ^ UInt64(bytes[index]) &* prime5, 11) &* prime1
            index &+= 1
        }
        hash = (hash ^ hash &>> 33) &* prime2
        hash = (hash ^ hash &>> 29) &* prime3
        return hash ^ hash &>> 32
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    @inline(__always)
    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotated(lane &+ word &* prime2, 31) &* prime1
    }

    @inline(__always)
    private static func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
        word &<< count | word &>> (64 &- count)
    }
}
