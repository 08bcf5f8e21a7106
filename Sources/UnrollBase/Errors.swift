import Foundation

/// An error of this package: one line that says what is wrong, with the value, and then what to do.
///
/// `description` and `localizedDescription` are the same text.
public protocol UnrollError: LocalizedError, CustomStringConvertible, Sendable {
    /// The parameter that is wrong, if that is the cause.
    var parameterError: ParameterError? { get }
}

extension UnrollError {
    /// The line of `description`.
    public var errorDescription: String? { description }
    // The other requirements have defaults here too, so that a file with an error need not import Foundation.
    /// Part of `description`.
    public var failureReason: String? { nil }
    /// Part of `description`.
    public var recoverySuggestion: String? { nil }
    /// There is no help anchor.
    public var helpAnchor: String? { nil }

    /// No parameter is wrong, unless the error type says otherwise.
    public var parameterError: ParameterError? { nil }
}

/// What is wrong with an argument, as facts: which parameter, which value, what is allowed.
///
/// Parameters have their names in the API, such as `layerCount`.
public enum ParameterError: UnrollError, Equatable {
    /// The value is not an allowed one; `allowed` continues "must be", such as "at least 1" or "in 0..<1".
    case outOfRange(parameter: String, value: String, allowed: String)
    /// The parameter has an effect only beside another one, or only if that one is one of `values`.
    case needs(parameter: String, other: String, values: [String] = [])
    /// The two parameters exclude each other.
    case excludes(parameter: String, other: String)

    /// Throws `outOfRange` unless the condition holds.
    package static func require(
        _ condition: Bool, _ parameter: String, is value: some Any, but allowed: @autoclosure () -> String
    ) throws(ParameterError) {
        guard condition else {
            throw .outOfRange(parameter: parameter, value: "\(value)", allowed: allowed())
        }
    }

    /// One line that names the parameter, its value and what is allowed.
    public var description: String { description { $0 } }

    /// The same with other names for the parameters, such as those of command-line options.
    package func description(naming name: (String) -> String) -> String {
        switch self {
        case .outOfRange(let parameter, let value, let allowed):
            "\(name(parameter)) is \(value) but must be \(allowed)"
        case .needs(let parameter, let other, let values):
            "\(name(parameter)) needs \(name(other))"
                + (values.isEmpty ? "" : " to be \(values.joined(separator: " or "))")
        case .excludes(let parameter, let other):
            "\(name(parameter)) cannot be combined with \(name(other))"
        }
    }

    /// The error itself.
    public var parameterError: ParameterError? { self }
}

/// The known word that was probably meant by an unknown one.
package enum Suggestion {
    /// The nearest of the known words, without regard to case; nil if none is near enough to be worth saying.
    package static func nearest(to word: String, among known: [String]) -> String? {
        let nearest = known.map { (word: $0, distance: distance(word.lowercased(), $0.lowercased())) }
            .min { $0.distance < $1.distance }
        return nearest.flatMap { $0.distance <= max(2, word.count / 3) ? $0.word : nil }
    }

    /// How many characters to insert, delete or replace to make one word of another (Levenshtein, 1966).
    static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var previous = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var row = [i + 1]
            for (j, y) in b.enumerated() {
                row.append(min(previous[j] + (x == y ? 0 : 1), previous[j + 1] + 1, row[j] + 1))
            }
            previous = row
        }
        return previous[b.count]
    }
}
