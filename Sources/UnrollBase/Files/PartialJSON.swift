import Foundation

/// Why JSON does not say what it should.
package enum JSONFormError: Error, Sendable, CustomStringConvertible {
    /// There is no such key; the path's parts are joined by points.
    case unknownKey(path: String, suggestion: String?, known: [String])
    /// A value is missing or is not what belongs there.
    case invalid(path: String, reason: String)

    /// One line that names the key.
    package var description: String {
        switch self {
        case .unknownKey(let path, let suggestion, let known):
            "there is no key '\(path)'; "
                + (suggestion.map { "did you mean '\($0)'?" }
                    ?? "known there: \(known.joined(separator: ", "))")
        case .invalid(_, let reason):
            reason
        }
    }
}

extension JSONValue {
    /// The JSON form of a value.
    package init(encoding value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: try JSONEncoder().encode(value))
    }

    /// Decodes a value that may leave out what is as in `defaults`; null takes a default away.
    ///
    /// - Parameters:
    ///   - defaults: The JSON form that this document is laid over; an empty one to require everything.
    ///   - path: What the document is called in errors, such as "training".
    /// - Returns: The value.
    /// - Throws: `JSONFormError`: `unknownKey` for a key that the value does not have, so that no typing error passes
    ///   as a default, and `invalid` for anything else; what the value's own initializer throws passes through.
    package func decoded<Value: Codable>(
        over defaults: JSONValue = .object([:]), at path: String = ""
    ) throws -> Value {
        let value: Value
        do {
            let merged = defaults.merged(with: self)
            value = try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(merged))
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
            // It was JSON a moment ago, so it must be a number; the decoder does not say which.
            throw JSONFormError.invalid(
                path: path,
                reason: (path.isEmpty ? "" : "'\(path)': ")
                    + "there is a number that does not fit, such as a fraction or a negative one where a whole one belongs"
            )
        } catch let error as DecodingError {
            if case .keyNotFound(let key, let context) = error,
                let misspelled = misspelling(of: key, at: context.codingPath[...], path: path)
            {
                throw misspelled
            }
            throw JSONFormError.invalid(path: path, reason: Self.reason(error, at: path))
        }
        try checkKeys(of: value, encoded: try JSONValue(encoding: value), at: path)
        return value
    }

    /// The key that was probably meant to be one that is missing: a better explanation than that it is missing.
    private func misspelling(
        of key: any CodingKey, at codingPath: ArraySlice<any CodingKey>, path: String
    ) -> JSONFormError? {
        if let next = codingPath.first {
            let child: JSONValue? =
                switch (self, next.intValue) {
                case (.array(let elements), let index?) where elements.indices.contains(index):
                    elements[index]
                default: self[next.stringValue]
                }
            return child?.misspelling(
                of: key, at: codingPath.dropFirst(),
                path: next.intValue == nil ? Self.joined(path, next.stringValue) : path)
        }
        guard case .object(let members) = self,
            let found = Suggestion.nearest(to: key.stringValue, among: members.keys.sorted()),
            found != key.stringValue
        else { return nil }
        return .unknownKey(
            path: Self.joined(path, found), suggestion: Self.joined(path, key.stringValue),
            known: [key.stringValue])
    }

    /// Checks that the value has each of this document's keys: what was decoded is encoded again under the same key.
    private func checkKeys(of value: Any, encoded: JSONValue, at path: String) throws(JSONFormError) {
        // What is kept as JSON has any keys.
        if value is JSONValue { return }
        switch (self, encoded) {
        case (.object(let members), .object(let known)):
            let properties = Self.properties(of: value)
            // The first in order, so that the same file always has the same error.
            for key in members.keys.sorted() {
                guard let child = known[key] else {
                    if members[key] == .null, properties[key] != nil { continue }
                    let names = Set(known.keys).union(properties.keys).sorted()
                    throw .unknownKey(
                        path: Self.joined(path, key),
                        suggestion: Suggestion.nearest(to: key, among: names).map { Self.joined(path, $0) },
                        known: names)
                }
                try members[key]?.checkKeys(
                    of: properties[key] ?? (), encoded: child, at: Self.joined(path, key))
            }
        case (.array(let elements), .array(let known)):
            let values = Mirror(reflecting: Self.unwrapped(value)).children.map(\.value)
            for (index, (element, child)) in zip(elements, known).enumerated() {
                try element.checkKeys(
                    of: values.indices.contains(index) ? values[index] : (), encoded: child, at: path)
            }
        default:
            break
        }
    }

    /// A value's stored properties, among them those that are nil and therefore not encoded.
    private static func properties(of value: Any) -> [String: Any] {
        Dictionary(
            Mirror(reflecting: unwrapped(value)).children.compactMap { child in
                child.label.map { ($0, child.value) }
            }
        ) { $1 }
    }

    /// The value in an optional; the value itself if it is none.
    private static func unwrapped(_ value: Any) -> Any {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .optional, let child = mirror.children.first else { return value }
        return unwrapped(child.value)
    }

    private static func joined(_ path: String, _ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    /// What is wrong and where, in one line.
    package static func reason(_ error: any Error, at path: String = "") -> String {
        func name(_ keys: [any CodingKey]) -> String {
            let steps = keys.map { key in key.intValue.map { "\($0 + 1)" } ?? key.stringValue }
            return ((path.isEmpty ? [] : [path]) + steps).joined(separator: ".")
        }
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "'\(name(context.codingPath + [key]))' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            let place = name(context.codingPath)
            let detail = context.debugDescription.split(whereSeparator: \.isNewline).joined(separator: " ")
            return place.isEmpty ? detail : "'\(place)' is not what belongs there (\(detail))"
        default:
            return "\(error)"
        }
    }
}
