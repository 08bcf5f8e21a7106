/// Something about a place in a text that a hidden unit may keep track of.
package enum TextFeature: CaseIterable, Sendable {
    /// 1 between quotation marks, else 0; a paragraph ends a quotation that is still open.
    ///
    /// Of single marks, those after white space begin one, and those after punctuation end it; others are apostrophes.
    case quotation
    /// Characters since the line began.
    case linePosition
    /// Brackets of any kind that are open.
    case bracketDepth
    /// Letters and digits since the word began, 0 between words.
    case wordPosition
    /// Blanks at the beginning of the line, so far.
    case indentation

    /// What it is, in words.
    package var title: String {
        switch self {
        case .quotation: "inside quotes"
        case .linePosition: "position in the line"
        case .bracketDepth: "depth of brackets"
        case .wordPosition: "position in the word"
        case .indentation: "indentation"
        }
    }

    /// The features behind each of some places of a text.
    ///
    /// - Parameters:
    ///   - bytes: The text in UTF-8; what is none counts as letters.
    ///   - ends: The places, as numbers of bytes before them, rising.
    /// - Returns: For each place all features, in the order of the cases.
    package static func values(in bytes: [UInt8], at ends: some Sequence<Int>) -> [[Float]] {
        var tracker = FeatureTracker()
        var read = 0
        return ends.map { end in
            while read < min(end, bytes.count) {
                tracker.read(bytes[read])
                read += 1
            }
            return allCases.map { tracker.value(of: $0) }
        }
    }
}

/// Follows a text byte by byte.
private struct FeatureTracker {
    private var isQuoted = false
    private var isLineBlank = true
    private var linePosition = 0
    private var bracketDepth = 0
    private var wordPosition = 0
    private var indentation = 0
    /// The last four bytes, the last one lowest.
    private var recent: UInt32 = 0x0A

    mutating func read(_ byte: UInt8) {
        recent = recent << 8 | UInt32(byte)
        let isContinuation = byte & 0xC0 == 0x80
        if !isContinuation { linePosition += 1 }
        var isLetter = false
        switch byte {
        case UInt8(ascii: "\n"):
            if isLineBlank { isQuoted = false }
            (linePosition, indentation, isLineBlank) = (0, 0, true)
        case UInt8(ascii: " "), UInt8(ascii: "\t"):
            if isLineBlank { indentation += 1 }
        case UInt8(ascii: "\""): isQuoted.toggle()
        case UInt8(ascii: "'"):
            let before = recent >> 8 & 0xFF
            if [0x0A, 0x20, 0x28].contains(before) {
                isQuoted = true
            } else if Self.endsClause(before) {
                isQuoted = false
            }
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): bracketDepth += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): bracketDepth = max(bracketDepth - 1, 0)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            isLetter = true
        case 0x80...:
            switch recent & 0xFF_FFFF {
            case 0xE2_809C, 0xE2_809E, 0xE2_8098: isQuoted = true  // “ „ ‘
            case 0xE2_809D: isQuoted = false  // ”
            case 0xE2_8099: if Self.endsClause(recent >> 24) { isQuoted = false }  // ’
            default: isLetter = true
            }
        default: break
        }
        if ![0x0A, 0x0D, 0x20, 0x09].contains(byte) { isLineBlank = false }
        wordPosition = isLetter ? wordPosition + (isContinuation ? 0 : 1) : 0
    }

    private static func endsClause(_ byte: UInt32) -> Bool {
        ".,;:!?-".utf8.contains { UInt32($0) == byte }
    }

    func value(of feature: TextFeature) -> Float {
        switch feature {
        case .quotation: isQuoted ? 1 : 0
        case .linePosition: Float(linePosition)
        case .bracketDepth: Float(bracketDepth)
        case .wordPosition: Float(wordPosition)
        case .indentation: Float(indentation)
        }
    }
}
