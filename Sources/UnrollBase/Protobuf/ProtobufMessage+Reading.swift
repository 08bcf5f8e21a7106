import Foundation

extension ProtobufMessage {
    /// One field of a message as it was read; what the number means, its reader knows.
    package struct Field: Sendable, Equatable {
        /// The number of the field, from 1 on.
        package let number: UInt64
        package let value: Value

        package init(number: UInt64, value: Value) {
            (self.number, self.value) = (number, value)
        }
    }

    /// The value of a field, as far as the wire format tells.
    package enum Value: Sendable, Equatable {
        /// A whole number of up to 64 bits; of a negative one, its two's complement.
        case varint(UInt64)
        /// Eight bytes, such as those of a `Double`.
        case fixed64(UInt64)
        /// Text, a message, or numbers that are packed.
        case bytes(Data)
        /// Four bytes, such as those of a `Float`.
        case fixed32(UInt32)
    }

    /// The fields in their order.
    ///
    /// - Throws: `ProtobufError` when the bytes are not those of a message, whatever they are.
    package func fields() throws(ProtobufError) -> [Field] {
        var rest = data[...]
        var fields: [Field] = []
        while !rest.isEmpty {
            let key = try Self.varint(&rest)
            guard key >> 3 > 0 else { throw .noFieldNumber }
            let value: Value
            switch Wire(rawValue: key & 7) {
            case .varint: value = .varint(try Self.varint(&rest))
            case .fixed64: value = .fixed64(try Self.word(8, &rest))
            case .fixed32: value = .fixed32(UInt32(truncatingIfNeeded: try Self.word(4, &rest)))
            case .delimited: value = .bytes(try Self.take(try Self.varint(&rest), of: &rest))
            case nil: throw .unknownWireType(field: key >> 3, Int(key & 7))
            }
            fields.append(Field(number: key >> 3, value: value))
        }
        return fields
    }

    /// A number of at most ten bytes, of which 64 bits count.
    private static func varint(_ rest: inout Data) throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw .truncated(missing: 1) }
            value |= UInt64(byte & 0x7F) << shift
            guard byte & 0x80 != 0 else { return value }
        }
        throw .endlessNumber
    }

    private static func word(_ size: UInt64, _ rest: inout Data) throws(ProtobufError) -> UInt64 {
        try take(size, of: &rest).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func take(_ count: UInt64, of rest: inout Data) throws(ProtobufError) -> Data {
        guard count <= rest.count else { throw .truncated(missing: count - UInt64(rest.count)) }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }
}

extension ProtobufMessage {
    /// The last value of a number's field; nil if there is none.
    package func number(_ field: UInt64) throws(ProtobufError) -> Int? {
        try numbers(field).last
    }

    /// The whole numbers of a field that are not packed.
    package func numbers(_ field: UInt64) throws(ProtobufError) -> [Int] {
        try fields().compactMap { entry in
            guard entry.number == field, case .varint(let value) = entry.value else { return nil }
            return Int(Int64(bitPattern: value))
        }
    }

    /// The bytes of each field with the number.
    package func bytes(_ field: UInt64) throws(ProtobufError) -> [Data] {
        try fields().compactMap { entry in
            guard entry.number == field, case .bytes(let bytes) = entry.value else { return nil }
            return bytes
        }
    }

    /// The texts of a field, with the replacement character for what is not UTF-8.
    package func texts(_ field: UInt64) throws(ProtobufError) -> [String] {
        try bytes(field).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The messages of a field, whose own fields are not looked into yet.
    package func messages(_ field: UInt64) throws(ProtobufError) -> [ProtobufMessage] {
        try bytes(field).map { ProtobufMessage($0) }
    }
}

/// Why bytes are not those of a message in the wire format of Protocol Buffers.
package enum ProtobufError: UnrollError, Equatable {
    /// The message ends in the middle of a field, of which so many bytes are missing at least.
    case truncated(missing: UInt64)
    /// A whole number has more than ten bytes.
    case endlessNumber
    /// A field has the number 0.
    case noFieldNumber
    /// A field has a value of an unknown kind, or a group, which no message has any more.
    case unknownWireType(field: UInt64, Int)

    /// One line that says what is wrong.
    package var description: String {
        switch self {
        case .truncated(let missing):
            "the message ends in the middle of a field: at least \(missing) bytes are missing; take a whole copy"
        case .endlessNumber: "a number in the message has no end; take a whole copy"
        case .noFieldNumber: "a field of the message has the number 0; take a whole copy"
        case .unknownWireType(let field, let type):
            "field \(field) of the message has a value of the unknown kind \(type); take a whole copy"
        }
    }
}
