import Foundation
import Testing
import UnrollEngine
import UnrollModel
import UnrollStorage
import UnrollTestSupport
import UnrollText

/// Models that PyTorch has saved, and the logits that it found; see `Tools/oracles/interchange_vectors.py`.
@Suite struct InterchangeTests {
    private struct Expectation: Decodable {
        let cell: String
        let hiddenSize: Int
        let layerCount: Int
        let embeddingSize: Int?
        let tiesWeights: Bool
        let tokens: [Int32]
        /// Token, logit.
        let logits: [[Float]]

        var configuration: ModelConfiguration {
            get throws {
                let type = try #require(ModelConfiguration.builtInCells.first { $0.name == cell })
                return ModelConfiguration(
                    cell: type, hiddenSize: hiddenSize, layerCount: layerCount, embeddingSize: embeddingSize,
                    tiesWeights: tiesWeights)
            }
        }
    }

    static let names = ["lstm-tied", "lstm-tied-under-both-names", "gru-one-hot", "tanh-embedding"]

    private func resource(_ name: String, _ type: String) throws -> Data {
        try Data(
            contentsOf: #require(
                Bundle.module.url(forResource: name, withExtension: type, subdirectory: "Interchange")))
    }

    /// A folder that describes the model, with the parameters as PyTorch has saved them.
    private func model(_ name: String, like expectation: Expectation) throws -> LanguageModel {
        let folder = try TemporaryFolder()
        let configuration = try expectation.configuration
        let vocabulary = try Corpus(text: "abcdefgh").vocabulary
        try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: Parameters(for: configuration, vocabularySize: vocabulary.count, seed: 0)
        ).save(to: folder("model"))
        try resource(name, "safetensors").write(to: folder("model/model.safetensors"))
        return try LanguageModel(contentsOf: folder("model"))
    }

    private func expectLogits(of engine: some Engine, _ expectation: Expectation) throws {
        var logits: [Float] = []
        for (token, expected) in zip(expectation.tokens, expectation.logits) {
            try engine.advance(token, logits: &logits)
            #expect(logits.count == expected.count)
            #expect(zip(logits, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test(arguments: names) func referenceEngineFindsPyTorchsLogits(name: String) throws {
        let expectation = try JSONDecoder().decode(Expectation.self, from: resource(name, "json"))
        let model = try model(name, like: expectation)
        try expectLogits(
            of: ReferenceEngine(configuration: model.configuration, parameters: model.parameters), expectation
        )
    }

    @Test(arguments: names) func cpuEngineFindsPyTorchsLogits(name: String) throws {
        let expectation = try JSONDecoder().decode(Expectation.self, from: resource(name, "json"))
        let model = try model(name, like: expectation)
        try expectLogits(
            of: CPUEngine(configuration: model.configuration, parameters: model.parameters), expectation)
    }
}
