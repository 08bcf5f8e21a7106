import Foundation
import UnrollBase
import UnrollGeneration
import UnrollInterchange
import UnrollModel
import UnrollText

/// Exports small untrained models, among them those of cells that the program `unroll` does not know, and says how well
/// they predict a text, as `unroll evaluate --json` does: a line for each.
///
/// Folders that an earlier run has made are written again: with the folder and text of the tests' fixtures, they should be
/// as they were.
@main package struct ExportedModels {
    /// A model without its parameters.
    package struct Example: Sendable {
        package let name: String
        package let configuration: ModelConfiguration
        var tokens = TokenKind.characters
    }

    /// The models: every operator, every function of formulas, weights that are tied and not, every way to read tokens.
    package static let examples = [
        Example(
            name: "lstm",
            configuration: ModelConfiguration(
                cell: LSTMCell.self, hiddenSize: 5, layerCount: 2, embeddingSize: 5, tiesWeights: true)),
        Example(
            name: "gru-subwords",
            configuration: ModelConfiguration(cell: GRUCell.self, hiddenSize: 2, embeddingSize: 3),
            tokens: .subwords),
        Example(
            name: "every-function",
            configuration: ModelConfiguration(
                cell: EveryFunctionCell.self, hiddenSize: 4, layerCount: 2,
                zoneout: Zoneout(output: 0.1, memory: 0.3))),
        Example(
            name: "learned-vectors",
            configuration: ModelConfiguration(
                cell: LearnedVectorsCell.self, hiddenSize: 4, layerCount: 2, embeddingSize: 4)),
    ]

    /// The cells that the program does not know.
    package static let cells: [any RecurrentCell.Type] = [EveryFunctionCell.self, LearnedVectorsCell.self]

    /// A model with parameters drawn at random, learned vectors too.
    private static func model(_ example: Example, of text: URL) throws -> LanguageModel {
        let vocabulary = try Corpus(contentsOf: text, tokens: example.tokens).vocabulary
        let configuration = example.configuration
        var parameters = try ModelParameters(
            for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 1)
        var source = RandomSource(seed: 2, purpose: .initialization, index: 0)
        let vectors = Set(configuration.vectors.map(\.name))
        for index in parameters.entries.indices where vectors.contains(parameters.entries[index].name) {
            for unit in parameters.entries[index].values.indices {
                parameters.entries[index].values[unit] += Float(source.uniform())
            }
        }
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters)
    }

    package static func main() throws {
        guard CommandLine.arguments.count == 3 else {
            FileHandle.standardError.write(Data("usage: ExportedModels FOLDER TEXT\n".utf8))
            exit(64)
        }
        let folder = URL(filePath: CommandLine.arguments[1], directoryHint: .isDirectory)
        let text = URL(filePath: CommandLine.arguments[2])
        for example in examples {
            let model = try model(example, of: text)
            for format in ExportFormat.allCases {
                let place = folder.appending(path: "\(example.name)-\(format.rawValue)")
                try model.export(to: place, as: format, replacing: true)
            }
            print(#"{"model": "\#(example.name)", "nats": \#(try model.evaluate(contentsOf: text).nats)}"#)
        }
    }
}
