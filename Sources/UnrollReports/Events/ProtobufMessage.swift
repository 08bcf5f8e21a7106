import Foundation

/// A message in the wire format of Protocol Buffers, field by field.
///
/// Event files take a dozen fields of five messages. A generator and its runtime library would be by far the largest
/// thing that this program is built from; the bytes are checked against those of TensorBoard's own messages.
struct ProtobufMessage {
    private(set) var data = Data()

    /// How a value follows its field's number.
    private enum Wire: UInt64 {
        case varint = 0
        case fixed64 = 1
        case delimited = 2
        case fixed32 = 5
    }

    /// Adds an integer or the number of an enumeration's case; zero is left out, as its default.
    mutating func add(_ value: Int, as field: UInt64) {
        guard value != 0 else { return }
        begin(field, .varint)
        add(varint: UInt64(bitPattern: Int64(value)))
    }

    mutating func add(_ value: Double, as field: UInt64) {
        begin(field, .fixed64)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    mutating func add(_ value: Float, as field: UInt64) {
        begin(field, .fixed32)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    mutating func add(_ text: String, as field: UInt64) {
        add(Data(text.utf8), as: field)
    }

    mutating func add(_ message: ProtobufMessage, as field: UInt64) {
        add(message.data, as: field)
    }

    private mutating func add(_ bytes: Data, as field: UInt64) {
        begin(field, .delimited)
        add(varint: UInt64(bytes.count))
        data.append(bytes)
    }

    private mutating func begin(_ field: UInt64, _ wire: Wire) {
        add(varint: field << 3 | wire.rawValue)
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    private mutating func add(varint: UInt64) {
        var rest = varint
        while rest > 0x7F {
            data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}
