import Foundation
import UnrollGeneration
import UnrollText

/// The numbers that a page shows on demand, in few bytes: arrays in base64, the lowest byte of a number first.
struct HeatMapData: Encodable {
    struct Unit: Encodable {
        let name: String
        /// The activation that 127 stands for.
        let scale: Float
        /// A signed byte for each mark: the activation once its last token was read.
        let values: Data
    }

    /// The surprisal of each mark in nats, as 32-bit floating point; not a number where it is given.
    let surprisal: Data
    /// What each mark was expected to surprise by, likewise.
    let entropy: Data
    /// Tokens that are alternatives somewhere, by their numbers here.
    let names: [String]
    /// For the first token of each mark, the numbers of the alternatives, 32 bits each; -1 for none.
    let alternatives: Data
    /// Their probabilities, as 32-bit floating point.
    let probabilities: Data
    let units: [Unit]

    init(_ inspection: TextInspection, marks: [HeatMark], vocabulary: Vocabulary) {
        let score = inspection.score
        let given = inspection.text.ids.count - score.tokens.count
        surprisal = Self.data(marks.map { $0.surprisal.map { Float($0) } ?? .nan })
        entropy = Self.data(
            marks.map { mark in
                guard mark.tokens.lowerBound >= given else { return .nan }
                return score.tokens[mark.tokens.lowerBound - given..<mark.tokens.upperBound - given]
                    .reduce(0) { $0 + $1.entropy }
            } as [Float])
        var numbers: [Int32: Int32] = [:]
        var names: [String] = []
        var (alternatives, probabilities) = ([Int32](), [Float]())
        for mark in marks {
            let first = mark.tokens.lowerBound - given
            let found = first >= 0 ? inspection.alternatives[first] : []
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

    /// The data as JSON that contains nothing which could end the element around it.
    var json: HTML {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // There is nothing in it that JSON lacks.
        guard let data = try? encoder.encode(self) else { return "{}" }
        let text = String(decoding: data, as: UTF8.self)
        return HTML(
            markup: text.replacing("<", with: "\\u003C").replacing(">", with: "\\u003E")
                .replacing("&", with: "\\u0026"))
    }

    private static func data<Number: BitwiseCopyable>(_ numbers: [Number]) -> Data {
        numbers.withUnsafeBytes { Data($0) }
    }
}
