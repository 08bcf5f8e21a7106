import Foundation

/// A message in the wire format of Protocol Buffers, field by field.
///
/// Event files and ONNX files need a few dozen fields of twenty messages, for which these two files do. swift-protobuf would be
/// the library's only dependency: its runtime, version 1.39, has 28,900 lines and took 44 seconds of processor time to build
/// for release (AMD EPYC, November 2026), without the code that is generated for messages. Tests compare the bytes with those
/// of TensorBoard's and ONNX's own messages.
///
/// See <https://protobuf.dev/programming-guides/encoding/>.
package struct ProtobufMessage: Sendable, Equatable {
    /// The bytes of all fields.
    package private(set) var data: Data

    /// A message without fields, or one that was read: any bytes, which ``fields()`` looks into.
    package init(_ data: Data = Data()) {
        self.data = data
    }

    /// The encoding of a value.
    enum Wire: UInt64 {
        case varint = 0
        case fixed64 = 1
        case delimited = 2
        case fixed32 = 5
    }

    /// Adds an integer or an enumeration's case.
    ///
    /// Zero, the default, is left out.
    package mutating func add(_ value: Int, as field: UInt64) {
        guard value != 0 else { return }
        add([value], as: field)
    }

    /// Adds the integers of a repeated field, each by itself, as version 2 of the language has them.
    package mutating func add(_ values: [Int], as field: UInt64) {
        for value in values {
            begin(field, .varint)
            data.append(number: UInt64(bitPattern: Int64(value)))
        }
    }

    /// Adds a number in double precision, zero too.
    package mutating func add(_ value: Double, as field: UInt64) {
        begin(field, .fixed64)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    /// Adds a number in single precision, zero too.
    package mutating func add(_ value: Float, as field: UInt64) {
        begin(field, .fixed32)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    /// Adds a text.
    package mutating func add(_ text: String, as field: UInt64) {
        add(Data(text.utf8), as: field)
    }

    /// Adds a message within this one.
    package mutating func add(_ message: ProtobufMessage, as field: UInt64) {
        add(message.data, as: field)
    }

    /// Adds bytes.
    package mutating func add(_ bytes: Data, as field: UInt64) {
        begin(field, .delimited)
        data.append(number: UInt64(bytes.count))
        data.append(bytes)
    }

    private mutating func begin(_ field: UInt64, _ wire: Wire) {
        data.append(number: field << 3 | wire.rawValue)
    }
}
