import Foundation

/// A cyclic redundancy check of 32 bits, which reveals damaged files.
package struct CRC32: Sendable {
    /// The check of ZIP archives (ISO 3309).
    package static let zip = CRC32(polynomial: 0xEDB8_8320)
    /// Castagnoli's, CRC-32C (RFC 3720).
    package static let castagnoli = CRC32(polynomial: 0x82F6_3B78)

    /// The remainders of single bytes.
    private let table: [UInt32]

    /// The polynomial's bits are reversed, as the data's are.
    private init(polynomial: UInt32) {
        table = (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { remainder, _ in
                remainder & 1 == 1 ? remainder >> 1 ^ polynomial : remainder >> 1
            }
        }
    }

    /// The checksum of bytes.
    package func checksum(of data: Data) -> UInt32 {
        data.withUnsafeBytes { bytes in
            ~bytes.reduce(~0) { remainder, byte in
                remainder >> 8 ^ table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)]
            }
        }
    }
}
