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
        nearest(to: word, among: known, within: max(2, word.count / 3))
    }

    /// The known word that was probably meant by one that was typed, without regard to case; nil if none is likely.
    ///
    /// A single mistake comes first, then a known word that begins like it, then one that it begins with, then the nearest.
    package static func likeliest(for word: String, among known: [String]) -> String? {
        let typed = word.lowercased()
        func shortest(_ isLikely: (String) -> Bool) -> String? {
            known.filter { isLikely($0.lowercased()) }.min { $0.count < $1.count }
        }
        return nearest(to: word, among: known, within: 1)
            ?? shortest { typed.count >= 2 && $0.hasPrefix(typed) }
            ?? shortest { $0.count >= 3 && typed.hasPrefix($0) }
            ?? nearest(to: word, among: known, within: word.count / 3)
    }

    private static func nearest(to word: String, among known: [String], within mistakes: Int) -> String? {
        let nearest = known.map { (word: $0, distance: distance(word.lowercased(), $0.lowercased())) }
            .min { $0.distance < $1.distance }
        return nearest.flatMap { $0.distance <= mistakes ? $0.word : nil }
    }

    /// How many characters to insert, delete, replace or swap with the next to make one word of another.
    ///
    /// Optimal string alignment, which is Levenshtein's distance (1966) with swaps.
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        var (beforePrevious, previous) = ([Int](), Array(0...b.count))
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
                row.append(min(replaced, previous[j + 1] + 1, row[j] + 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    row[j + 1] = min(row[j + 1], beforePrevious[j - 1] + 1)
                }
            }
            (beforePrevious, previous) = (previous, row)
        }
        return previous[b.count]
    }
}
