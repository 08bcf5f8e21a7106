/// Markup in which whatever is put into a literal is text, unless it is markup itself.
///
/// Literals are the program's own; all that comes from files is interpolated, and so cannot be taken for markup.
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    package private(set) var markup: String

    package init(stringLiteral markup: String) {
        self.markup = markup
    }

    package init(stringInterpolation: Interpolation) {
        markup = stringInterpolation.markup
    }

    /// Takes a string for markup.
    init(markup: String) {
        self.markup = markup
    }

    /// Markup one piece after the other.
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

    /// Text as it looks: characters that HTML forbids are shown by pictures of them, or left out.
    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "\n", "\t": result.append(scalar)
            case "\u{0}"..."\u{1F}":
                result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
            case "\u{7F}"..."\u{9F}": result.append("\u{FFFD}")
            // What turns the direction of writing would turn that of the page's own words, too.
            case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": break
            default:
                if scalar.value & 0xFFFE != 0xFFFE { result.append(scalar) }
            }
        }
        return String(result)
    }
}
