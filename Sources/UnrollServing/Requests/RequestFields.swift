#if Serving
import Foundation
import UnrollBase

/// The fields of a request, which are read by name; what is wrong with one is a ``ServingError`` that names it.
///
/// A field that is null counts as missing, as clients send null for what they leave to the server.
struct RequestFields {
    /// A name that is known when the request comes.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>

    /// Takes the fields of an object.
    ///
    /// - Parameters:
    ///   - decoder: The decoder of the object.
    ///   - names: The names of all fields that it may have.
    /// - Throws: `ServingError.invalidJSON` if it is no object, `.unknownField`.
    init(_ decoder: any Decoder, named names: [String]) throws {
        guard let container = try? decoder.container(keyedBy: Key.self) else {
            throw ServingError.invalidJSON(reason: "it is another value")
        }
        self.container = container
        let unknown = container.allKeys.map(\.stringValue).filter { !names.contains($0) }.min()
        if let unknown {
            throw ServingError.unknownField(
                unknown, suggestion: Suggestion.nearest(to: unknown, among: names))
        }
    }

    /// Whether the field is there and not null.
    func has(_ name: String) -> Bool {
        let key = Key(stringValue: name)
        return container.contains(key) && (try? container.decodeNil(forKey: key)) != true
    }

    /// A field of any type; `allowed` continues "must be".
    func value<Value: Decodable>(
        _ name: String, _ type: Value.Type = Value.self, allowed: String
    ) throws -> Value? {
        guard has(name) else { return nil }
        do {
            return try container.decode(Value.self, forKey: Key(stringValue: name))
        } catch let error as ServingError {
            throw error
        } catch {
            throw ServingError.invalidField(name, allowed: allowed)
        }
    }

    /// A text.
    func text(_ name: String) throws -> String? {
        try value(name, allowed: "a string")
    }

    /// True or false.
    func flag(_ name: String) throws -> Bool? {
        try value(name, allowed: "true or false")
    }

    /// A whole number.
    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        let allowed = "a whole number in \(range.lowerBound)...\(range.upperBound)"
        guard let number: Int = try value(name, allowed: allowed) else { return nil }
        guard range.contains(number) else { throw ServingError.invalidField(name, allowed: allowed) }
        return number
    }

    /// A number.
    func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
        let allowed =
            "a number in \(NumberFormat.significant(range.lowerBound))...\(NumberFormat.significant(range.upperBound))"
        guard let number: Double = try value(name, allowed: allowed) else { return nil }
        guard range.contains(number) else { throw ServingError.invalidField(name, allowed: allowed) }
        return number
    }

    /// One of some words.
    func word(_ name: String, among words: [String]) throws -> String? {
        let allowed = words.map { "'\($0)'" }.joined(separator: " or ")
        guard let word: String = try value(name, allowed: allowed) else { return nil }
        guard words.contains(word) else { throw ServingError.invalidField(name, allowed: allowed) }
        return word
    }

    /// One text or several.
    func texts(_ name: String, count: ClosedRange<Int>) throws -> [String]? {
        let allowed = "a string, or an array of \(count.lowerBound) to \(count.upperBound) strings"
        guard let texts: OneOrMore<String> = try value(name, allowed: allowed) else { return nil }
        guard count.contains(texts.values.count) else {
            throw ServingError.invalidField(name, allowed: allowed)
        }
        return texts.values
    }
}

/// A value by itself, or an array of such values.
struct OneOrMore<Value: Decodable>: Decodable {
    let values: [Value]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Value.self) {
            values = [value]
        } else {
            values = try container.decode([Value].self)
        }
    }
}

/// A request whose ranges are limits of the server.
protocol ServingRequest: DecodableWithConfiguration, Sendable
where DecodingConfiguration == ServingLimits {}

extension ServingRequest {
    /// Decodes a request.
    ///
    /// - Parameters:
    ///   - body: JSON.
    ///   - limits: What a request may ask for.
    /// - Throws: `ServingError`.
    init(json body: Data, limits: ServingLimits) throws {
        do {
            self = try JSONDecoder().decode(Self.self, from: body, configuration: limits)
        } catch let error as ServingError {
            throw error
        } catch {
            // What Foundation says of the place differs between systems.
            throw ServingError.invalidJSON(reason: body.isEmpty ? "it is empty" : "it is damaged")
        }
    }
}
#endif
