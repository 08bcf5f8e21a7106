/// A type of elements in a safetensors file.
package enum SafetensorsElementType: String, CaseIterable, Sendable {
    case float32 = "F32"
    case float64 = "F64"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    /// Also the numbers of a ``QuantizedMatrix``, which mean nothing without its scales.
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"

    /// The types that can be read as 32-bit floats.
    package static let floats: [SafetensorsElementType] = [.float32, .float64, .float16, .bfloat16]

    /// Bytes per element.
    package var size: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Converts little-endian elements that lie end to end; nil for a type that is not one of ``floats``.
    package func floats(from bytes: UnsafeRawBufferPointer) -> [Float]? {
        switch self {
        case .float32: words(UInt32.self, in: bytes).map(Float.init(bitPattern:))
        case .float64: words(UInt64.self, in: bytes).map { Float(Double(bitPattern: $0)) }
        case .float16: words(UInt16.self, in: bytes).map(Float.init(halfPrecisionBits:))
        case .bfloat16: words(UInt16.self, in: bytes).map { Float(bitPattern: UInt32($0) << 16) }
        case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool: nil
        }
    }

    private func words<Word: FixedWidthInteger & BitwiseCopyable>(
        _ type: Word.Type, in bytes: UnsafeRawBufferPointer
    ) -> [Word] {
        (0..<bytes.count / size).map {
            Word(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: type))
        }
    }
}

extension Float {
    /// The number that sixteen bits stand for in IEEE half precision.
    ///
    /// Swift's own `Float16` does not exist on Macs with Intel processors.
    fileprivate init(halfPrecisionBits bits: UInt16) {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits) & 0x3FF
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            self = sign == 0 ? magnitude : -magnitude
        case 0x1F:
            self.init(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default:
            // The bias of the exponent is 15 there and 127 here.
            self.init(bitPattern: sign | (exponent + 127 - 15) << 23 | fraction << 13)
        }
    }
}
