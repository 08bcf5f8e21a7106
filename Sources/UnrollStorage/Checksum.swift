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
