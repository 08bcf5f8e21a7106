import Foundation
import UnrollBase
import UnrollGeneration
import UnrollText

/// The unit of color: a token, or those bytes or subwords that have parts of the same characters.
struct HeatMark {
    let text: String
    /// Positions in the text's tokens.
    let tokens: Range<Int>
    /// The summed surprisal of the tokens, in nats.
    let surprisal: Double

    /// The least surprisal of each level, in bits.
    static let levels = [0, 0.5, 1, 2, 3, 4, 6, 8, 11]

    var endsLine: Bool { text == "\n" }

    var html: HTML {
        let level = Self.levels.lastIndex { $0 <= surprisal / log(2) } ?? 0
        // A line feed alone has no area to color.
        let kind = endsLine ? " n" : ""
        return "<i class=\"c\(level)\(kind)\">\(text)</i>"
    }

    static func title(ofLevel level: Int) -> String {
        let name = { (bits: Double) in NumberFormat.significant(bits) }
        return level + 1 < levels.count
            ? "\(name(levels[level]))–\(name(levels[level + 1]))" : "\(name(levels[level]))+"
    }

    /// The marks of a text, in order.
    static func marks(of inspection: TextInspection, kind: TokenKind) -> [HeatMark] {
        let text = inspection.text
        var marks: [HeatMark] = []
        var token = 0
        while token < text.ids.count {
            var last = token + 1
            while kind.isBytewise, last < text.ids.count, isInsideCharacter(text.starts[last], in: text.bytes)
            {
                last += 1
            }
            let tokens = token..<last
            let end =
                tokens.upperBound < text.starts.count ? text.starts[tokens.upperBound] : text.bytes.count
            let surprisal = inspection.score.tokens[tokens].reduce(0) { $0 + Double($1.surprisal) }
            marks.append(
                HeatMark(
                    text: String(decoding: text.bytes[text.starts[token]..<end], as: UTF8.self),
                    tokens: tokens,
                    surprisal: surprisal))
            token = last
        }
        return marks
    }

    /// Whether a character that began before a position goes on there; bytes that are not UTF-8 are none.
    private static func isInsideCharacter(_ position: Int, in bytes: [UInt8]) -> Bool {
        guard bytes[position] & 0xC0 == 0x80 else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            (1...3).contains { distance in
                guard position >= distance, bytes[position - distance] >= 0xC0 else { return false }
                return bytes.validSequenceLength(at: position - distance) ?? 0 > distance
            }
        }
    }
}

/// The numbers that a page shows on demand: little-endian arrays in base64.
struct HeatMapData: Encodable {
    struct Unit: Encodable {
        let name: String
        /// The activation that 127 stands for.
        let scale: Float
        /// A signed byte for each mark: the activation once its last token was read.
        let values: Data
    }

    /// The surprisal of each mark in nats, as 32-bit floating point.
    let surprisal: Data
    /// The expected surprisal of each mark, likewise.
    let entropy: Data
    /// The tokens that are alternatives anywhere, by their numbers in `alternatives`.
    let names: [String]
    /// For the first token of each mark, the numbers of the alternatives, 32 bits each; -1 for none.
    let alternatives: Data
    /// Their probabilities, as 32-bit floating point.
    let probabilities: Data
    let units: [Unit]

    init(_ inspection: TextInspection, marks: [HeatMark], vocabulary: Vocabulary) {
        let score = inspection.score
        surprisal = Self.data(marks.map { Float($0.surprisal) })
        entropy = Self.data(marks.map { score.tokens[$0.tokens].reduce(0) { $0 + $1.entropy } } as [Float])
        var numbers: [Int32: Int32] = [:]
        var names: [String] = []
        var (alternatives, probabilities) = ([Int32](), [Float]())
        for mark in marks {
            let found = inspection.alternatives[mark.tokens.lowerBound]
            for index in 0..<TextInspection.alternativeCount {
                guard index < found.count else {
                    alternatives.append(-1)
                    probabilities.append(0)
                    continue
                }
                let id = found[index].id
                if numbers[id] == nil {
                    numbers[id] = Int32(names.count)
                    names.append(vocabulary.token(id) ?? "")
                }
                alternatives.append(numbers[id] ?? -1)
                probabilities.append(found[index].probability)
            }
        }
        self.names = names
        self.alternatives = Self.data(alternatives)
        self.probabilities = Self.data(probabilities)
        units = zip(inspection.units, inspection.activations).map { unit, activations in
            let scale = activations.reduce(0) { max($0, abs($1)) }
            let values = marks.map { mark in
                Int8(
                    (activations[mark.tokens.upperBound - 1] / max(scale, .leastNormalMagnitude) * 127)
                        .rounded())
            }
            return Unit(name: unit.name, scale: scale, values: Self.data(values))
        }
    }

    /// The data as JSON without characters that could end the element around it.
    var json: HTML {
        // All numbers are in base64, so that encoding cannot fail.
        guard let data = try? JSONEncoder.unroll.encode(self) else { return "{}" }
        let text = String(decoding: data, as: UTF8.self)
        return HTML(
            markup: text.replacing("<", with: "\\u003C").replacing(">", with: "\\u003E")
                .replacing("&", with: "\\u0026"))
    }

    private static func data<Number: BitwiseCopyable>(_ numbers: [Number]) -> Data {
        numbers.withUnsafeBytes { Data($0) }
    }
}
