/// The width of text on a page and on a terminal.
package enum TextWidth {
    /// An upper estimate in pixels for the common sans-serif fonts.
    static func pixels(_ text: String, size: Double) -> Double {
        text.unicodeScalars.reduce(0) { $0 + share($1) } * size
    }

    /// The width in columns of a terminal.
    package static func columns(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + columns($1) }
    }

    /// The text without characters that move the cursor or turn the direction of writing.
    package static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result.append(" ")
            case .format, .surrogate, .privateUse, .unassigned: break
            // Terminals disagree on the width of a character with a selector.
            default: if !scalar.properties.isVariationSelector { result.append(scalar) }
            }
        }
        return String(result)
    }

    /// The beginning of a text that fits, with an ellipsis for the rest.
    package static func shortened(_ text: String, columns: Int) -> String {
        shortened(text, room: Double(columns)) { Double(TextWidth.columns($0)) }
    }

    static func shortened(_ text: String, pixels: Double, size: Double) -> String {
        shortened(text, room: pixels) { TextWidth.pixels($0, size: size) }
    }

    private static func shortened(_ text: String, room: Double, width: (String) -> Double) -> String {
        guard width(text) > room else { return text }
        let ellipsis = "…"
        var used = width(ellipsis)
        guard used <= room else { return "" }
        var result = ""
        for character in text {
            used += width(String(character))
            if used > room { break }
            result.append(character)
        }
        return result + ellipsis
    }

    private static func columns(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: 0
        default: isWide(scalar) ? 2 : 1
        }
    }

    private static func share(_ scalar: Unicode.Scalar) -> Double {
        switch scalar {
        case "i", "j", "l", "I", "!", "|", "'", ".", ",", ":", ";", " ": 0.38
        case "f", "t", "r", "(", ")", "[", "]", "-", "/": 0.45
        case "m", "w", "M", "W", "@", "%", "—", "…": 1
        case "A"..."Z", "&", "+", "=", "<", ">", "~": 0.84
        default: columns(scalar) == 0 ? 0 : isWide(scalar) ? 1.1 : scalar.isASCII ? 0.64 : 0.8
        }
    }

    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isEmojiPresentation { return true }
        return switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1_6FE0...0x1_B2FF,
            0x2_0000...0x3_FFFD:
            true
        default: false
        }
    }
}
