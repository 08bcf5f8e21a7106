import Foundation

extension Data {
    /// Numbers in single precision end to end, the lowest byte of each first, as all formats of tensors have them.
    package init(littleEndian values: [Float]) {
        self = values.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Data($0) }
    }
}
