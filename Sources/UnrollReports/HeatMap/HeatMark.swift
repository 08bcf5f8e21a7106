import Foundation
import UnrollGeneration
import UnrollText

/// What a page colors at once: a token, or the byte tokens that make up a character.
struct HeatMark {
    /// What is shown.
    let text: String
    /// Positions in the text's tokens.
    let tokens: Range<Int>
    /// The summed surprisal of the tokens, in nats; nil where the first is given.
    let surprisal: Double?

    /// Surprise from which the levels begin, in bits.
    static let levels = [0, 0.5, 1, 2, 3, 4, 6, 8, 11]

    var endsLine: Bool { text == "\n" }

    var html: HTML {
        let level = surprisal.map { surprisal in
            Self.levels.lastIndex { $0 <= surprisal / log(2) } ?? 0
        }
        // A line feed alone would have nothing to color.
        let kind = endsLine ? " n" : ""
        return "<i class=\"\(level.map { "c\($0)" } ?? "given")\(kind)\">\(text)</i>"
    }

    static func title(ofLevel level: Int) -> String {
        let name = { (bits: Double) in String(format: "%g", bits) }
        return level + 1 < levels.count
            ? "\(name(levels[level]))–\(name(levels[level + 1]))" : "\(name(levels[level]))+"
    }

    /// The marks of a text, in order.
    static func marks(of inspection: TextInspection, kind: TokenKind) -> [HeatMark] {
        let text = inspection.text
        let given = text.ids.count - inspection.score.tokens.count
        var marks: [HeatMark] = []
        var token = 0
        while token < text.ids.count {
            let count = kind == .bytes ? characterLength(in: text.bytes, at: token) : 1
            let tokens = token..<token + count
            let end =
                tokens.upperBound < text.starts.count ? text.starts[tokens.upperBound] : text.bytes.count
            let surprisal =
                token < given
                ? nil
                : inspection.score.tokens[token - given..<token - given + count]
                    .reduce(0) { $0 + Double($1.surprisal) }
            marks.append(
                HeatMark(
                    text: String(decoding: text.bytes[text.starts[token]..<end], as: UTF8.self),
                    tokens: tokens,
                    surprisal: surprisal))
            token += count
        }
        return marks
    }

    /// The length of the character at a position; one byte if the bytes there are not UTF-8.
    private static func characterLength(in bytes: [UInt8], at start: Int) -> Int {
        bytes.withUnsafeBufferPointer { $0.validSequenceLength(at: start) } ?? 1
    }
}
