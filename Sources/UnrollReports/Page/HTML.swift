import UnrollBase

/// Markup whose interpolated strings are text.
///
/// Literals are the program's own. Strings from files are interpolated, and so cannot be taken for markup.
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    package private(set) var markup: String

    package init(stringLiteral markup: String) {
        self.markup = markup
    }

    package init(stringInterpolation: Interpolation) {
        markup = stringInterpolation.markup
    }

    /// Markup from a string.
    init(markup: String) {
        self.markup = markup
    }

    /// The pieces one after the other.
    init(_ pieces: [HTML]) {
        markup = pieces.map(\.markup).joined()
    }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {}

        package mutating func appendLiteral(_ literal: String) { markup += literal }

        package mutating func appendInterpolation(_ text: String) { markup += HTML.escaped(text) }

        package mutating func appendInterpolation(_ html: HTML) { markup += html.markup }

        package mutating func appendInterpolation(_ pieces: [HTML]) { markup += HTML(pieces).markup }

        package mutating func appendInterpolation(_ number: Int) { markup += "\(number)" }
    }

    /// Text in which no character is markup.
    ///
    /// Control characters become pictures of themselves.
    private static func escaped(_ text: String) -> String {
        Markup.escaped(text) { scalar in
            switch scalar {
            case "\n", "\t", "\u{2028}", "\u{2029}": scalar
            case "\u{0}"..."\u{1F}": Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}"
            case "\u{7F}"..."\u{9F}": "\u{FFFD}"
            // Characters that turn the direction of writing would turn that of the page's own words, too.
            default: nil
            }
        }
    }
}

/// Numbers as a page shows them, and a dash where there is none.
enum Figure {
    static let none = "–"

    /// A perplexity or bits: three digits after the point, a whole number from 1000 on, and a power of ten from a
    /// million on.
    static func decimal(_ value: Double?) -> String {
        guard let value, value.isFinite else { return none }
        return 999.9995..<999_999.5 ~= abs(value) ? grouped(value) : NumberFormat.decimal(value)
    }

    /// A whole number, with narrow spaces between groups of three digits.
    static func grouped(_ value: Double?) -> String {
        guard let value, value.isFinite, abs(value) < 1e15 else { return none }
        return NumberFormat.grouped(value, separator: "\u{202F}", minus: "−")
    }

    static func grouped(_ value: Int?) -> String {
        grouped(value.map(Double.init))
    }

    /// A time in its two largest units.
    static func duration(_ seconds: Double?) -> String {
        seconds.flatMap(NumberFormat.duration) ?? none
    }
}
