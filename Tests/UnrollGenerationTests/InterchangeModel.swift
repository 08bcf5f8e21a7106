import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText

/// A model that PyTorch has saved, and what it found with it; see `Tools/oracles/interchange_vectors.py`.
struct InterchangeModel: Decodable {
    private let cell: String
    private let hiddenSize: Int
    private let layerCount: Int
    private let embeddingSize: Int?
    private let tiesWeights: Bool
    let tokens: [Int32]
    /// Token, logit.
    let logits: [[Float]]

    private var name = ""

    private enum CodingKeys: CodingKey {
        case cell, hiddenSize, layerCount, embeddingSize, tiesWeights, tokens, logits
    }

    static func resource(_ name: String, _ type: String) throws -> Data {
        try Data(
            contentsOf: #require(
                Bundle.module.url(forResource: name, withExtension: type, subdirectory: "Interchange")))
    }

    init(_ name: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Self.resource(name, "json"))
        self.name = name
    }

    private var configuration: ModelConfiguration {
        get throws {
            let type = try #require(ModelConfiguration.builtInCells.first { $0.name == cell })
            return ModelConfiguration(
                cell: type, hiddenSize: hiddenSize, layerCount: layerCount, embeddingSize: embeddingSize,
                tiesWeights: tiesWeights)
        }
    }

    /// The model, read from a folder with the parameters as PyTorch has saved them.
    func model(knowing text: String = "abcdefgh") throws -> LanguageModel {
        let folder = try TemporaryFolder()
        let configuration = try configuration
        let vocabulary = try Corpus(text: text).vocabulary
        try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(for: configuration, vocabularySize: vocabulary.count, seed: 0)
        ).save(to: folder("model"))
        try Self.resource(name, "safetensors").write(to: folder("model/model.safetensors"))
        return try LanguageModel(contentsOf: folder("model"))
    }

    /// The model with weights that NumPy has rounded to eight bits; see `Tools/oracles/int8_vectors.py`.
    func quantizedModel() throws -> LanguageModel {
        let folder = try TemporaryFolder()
        try model().quantized().save(to: folder("model"))
        try Self.resource("\(name)-int8", "safetensors").write(to: folder("model/model.safetensors"))
        return try LanguageModel(contentsOf: folder("model"))
    }
}
