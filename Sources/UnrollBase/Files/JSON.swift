import Foundation

extension JSONEncoder {
    /// An encoder whose output is the same for the same value: keys in order, on one line.
    package static var unroll: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// The same with a line for each key, for files that people read.
    package static var unrollPretty: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// Encodes a value with null for each number that is not finite, since JSON has no such numbers.
    package func encodeWithNulls(_ value: some Encodable) throws -> Data {
        do {
            return try encode(value)
        } catch EncodingError.invalidValue(let number, _) where number is any FloatingPoint {
            let mark = UUID().uuidString
            nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: mark, negativeInfinity: mark, nan: mark)
            defer { nonConformingFloatEncodingStrategy = .throw }
            let document = try JSONDecoder().decode(JSONValue.self, from: try encode(value))
            return try encode(document.replacing(.string(mark), with: .null))
        }
    }
}

/// A JSON document before its meaning is known.
package enum JSONValue: Codable, Equatable, Sendable {
    case null
    case bool(Bool)
    /// A whole number that is not negative. Seeds may have more digits than a `Double` keeps.
    case whole(UInt64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .whole(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .whole(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    package subscript(key: String) -> JSONValue? {
        get { if case .object(let members) = self { members[key] } else { nil } }
        set {
            guard case .object(var members) = self else { return }
            members[key] = newValue
            self = .object(members)
        }
    }

    /// This document with another value wherever one is equal to `value`.
    func replacing(_ value: JSONValue, with other: JSONValue) -> JSONValue {
        if self == value { return other }
        return switch self {
        case .array(let elements): .array(elements.map { $0.replacing(value, with: other) })
        case .object(let members): .object(members.mapValues { $0.replacing(value, with: other) })
        default: self
        }
    }

    /// This document with the members of another merged into it.
    ///
    /// Null removes a member (JSON Merge Patch, RFC 7396).
    package func merged(with patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members: [String: JSONValue] = if case .object(let members) = self { members } else { [:] }
        for (key, change) in changes {
            members[key] = change == .null ? nil : (members[key] ?? .null).merged(with: change)
        }
        return .object(members)
    }
}

/// A value that is written as `null` when it is not there, where Swift would leave out the key.
package struct Nullable<Value: Encodable>: Encodable {
    package let value: Value?

    package init(_ value: Value?) {
        self.value = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

extension Nullable: Sendable where Value: Sendable {}
