import UnrollBase
import UnrollModel
import UnrollText

/// Two cells of one name whose formulas differ in a constant.
package enum TwoFormulas {
    package static let cells: [any RecurrentCell.Type] = [First.self, Second.self]

    package enum First: RecurrentCell {
        package static let name = "of-two-formulas"
        package static let gates = ["z"]
        package static let states = ["h"]

        package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": 0.5 * previous.h + 0.5 * tanh(gates.z)]
        }
    }

    package enum Second: RecurrentCell {
        package static let name = "of-two-formulas"
        package static let gates = ["z"]
        package static let states = ["h"]

        package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": 0.5 * previous.h + 0.75 * tanh(gates.z)]
        }
    }

    /// The same parameters with the one formula and with the other.
    package static func models(text: String) throws -> [LanguageModel] {
        let vocabulary = try Corpus(text: text).vocabulary
        return try cells.map { cell in
            let configuration = ModelConfiguration(cell: cell, hiddenSize: 7)
            return try LanguageModel(
                configuration: configuration, vocabulary: vocabulary,
                parameters: ModelParameters(
                    for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 1))
        }
    }
}
