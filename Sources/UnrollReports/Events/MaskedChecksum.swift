import Foundation

/// The checksum of TFRecord files: CRC-32C (Castagnoli), masked.
///
/// A checksum of data that holds checksums of its own would be weak, so it is rotated and moved by a constant.
package enum MaskedChecksum {
    /// The remainders of single bytes; the polynomial's bits are in reverse, as the data's are.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { remainder, _ in
            remainder & 1 == 1 ? remainder >> 1 ^ 0x82F6_3B78 : remainder >> 1
        }
    }

    /// CRC-32C as RFC 3720 has it.
    package static func crc32c(_ data: some Sequence<UInt8>) -> UInt32 {
        ~data.reduce(~0) { remainder, byte in
            remainder >> 8 ^ table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)]
        }
    }

    /// What stands in the file.
    package static func masked(_ data: some Sequence<UInt8>) -> UInt32 {
        let checksum = crc32c(data)
        return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
    }
}
