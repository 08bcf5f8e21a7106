import Crypto
import Foundation

/// Fingerprints by which damaged and mixed-up files are noticed.
package enum Checksum {
    /// Returns the SHA-256 digest in 64 hexadecimal digits.
    package static func sha256(_ data: Data) -> String {
        let digits = Array("0123456789abcdef")
        return String(SHA256.hash(data: data).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// A SHA-256 digest of bytes that come one part after another.
package struct RunningChecksum {
    private var hash = SHA256()

    package init() {}

    package mutating func update(with bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) })
            == nil
        {
            hash.update(data: Array(bytes))
        }
    }

    /// The first bytes of the digest of all parts so far.
    package func prefix(_ count: Int) -> [UInt8] {
        Array(hash.finalize().prefix(count))
    }

    /// The first bytes of the digest.
    package static func prefix(_ count: Int, of bytes: some Sequence<UInt8>) -> [UInt8] {
        var checksum = RunningChecksum()
        checksum.update(with: bytes)
        return checksum.prefix(count)
    }
}
