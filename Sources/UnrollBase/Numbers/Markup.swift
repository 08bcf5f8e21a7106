/// Text inside HTML and SVG.
package enum Markup {
    /// Returns text in which no character is markup, without those that neither HTML nor XML allows.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - substitute: What stands for a control character, a line or paragraph separator, or a character that turns
    ///     the direction of writing; nil leaves it out.
    package static func escaped(
        _ text: String, substitute: (Unicode.Scalar) -> Unicode.Scalar?
    ) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                if let scalar = substitute(scalar) { result.append(scalar) }
            default:
                // The last two of each plane are no characters.
                if scalar.value & 0xFFFE != 0xFFFE { result.append(scalar) }
            }
        }
        return String(result)
    }
}
