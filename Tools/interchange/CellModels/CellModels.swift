import Foundation
import UnrollBase
import UnrollGeneration
import UnrollInterchange
import UnrollModel
import UnrollText

/// Writes models of cells that the program `unroll` does not know, exports them, and says how well they predict a text, as
/// `unroll evaluate --json` does: a line for each.
@main package struct CellModels {
    /// The models by their names.
    package static let configurations: [(name: String, configuration: ModelConfiguration)] = [
        (
            "every-function",
            ModelConfiguration(
                cell: EveryFunctionCell.self, hiddenSize: 7, layerCount: 2,
                zoneout: Zoneout(output: 0.1, memory: 0.3))
        ),
        (
            "learned-vectors",
            ModelConfiguration(
                cell: LearnedVectorsCell.self, hiddenSize: 6, layerCount: 2, embeddingSize: 6,
                tiesWeights: true)
        ),
    ]

    /// Such a model with parameters drawn at random, learned vectors too.
    package static func model(
        _ configuration: ModelConfiguration, _ vocabulary: Vocabulary
    ) throws -> LanguageModel {
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
            FileHandle.standardError.write(Data("usage: CellModels FOLDER TEXT\n".utf8))
            exit(64)
        }
        let folder = URL(filePath: CommandLine.arguments[1], directoryHint: .isDirectory)
        let text = URL(filePath: CommandLine.arguments[2])
        let vocabulary = try Corpus(contentsOf: text).vocabulary
        for (name, configuration) in configurations {
            let model = try model(configuration, vocabulary)
            for format in ExportFormat.allCases {
                try model.export(to: folder.appending(path: "\(name)-\(format.rawValue)"), as: format)
            }
            print(#"{"model": "\#(name)", "nats": \#(try model.evaluate(contentsOf: text).nats)}"#)
        }
    }
}
