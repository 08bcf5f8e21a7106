import Foundation

/// Checksums that reveal damaged and mixed-up files.
package enum Checksum {
    /// Returns the SHA-256 digest in 64 hexadecimal digits.
    package static func sha256(_ data: Data) -> String {
        var hash = SHA256()
        data.withUnsafeBytes { hash.update($0) }
        return hexadecimal(hash.finalize())
    }

    /// Returns two hexadecimal digits in lower case for each byte.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A SHA-256 digest of bytes that arrive in parts.
package struct RunningChecksum {
    private var hash = SHA256()

    package init() {}

    package mutating func update(with bytes: some Sequence<UInt8>) {
        hash.update(bytes)
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
