import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollText

extension LanguageModel {
    /// A small model; another text, size or cell makes another model, another seed makes another state of the same.
    static func sample(
        text: String = "the time machine", hiddenSize: Int = 5, cell: any RecurrentCell.Type = TanhCell.self,
        layers: Int = 1, embedding: Int? = nil, isTied: Bool = false, hasSingleBias: Bool = false,
        zoneout: Zoneout = Zoneout(), ngrams: NGramConfiguration? = nil, seed: UInt64 = 1
    ) throws -> LanguageModel {
        let corpus = try Corpus(text: text)
        let vocabulary = corpus.vocabulary
        let configuration = ModelConfiguration(
            cell: cell, hiddenSize: hiddenSize, layerCount: layers, embeddingSize: embedding,
            tiesWeights: isTied, hasSingleBias: hasSingleBias, zoneout: zoneout, ngrams: ngrams)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: try ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: seed),
            ngrams: try ngrams.map {
                try NGramModel(of: corpus.tokens, vocabularySize: vocabulary.count, order: $0.order)
            })
    }
}

/// A cell that only this program knows.
enum HomemadeCell: RecurrentCell {
    static let name = "homemade"
    static let gates = ["a", "b"]
    static let states = ["h"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": sigmoid(gates.a) * tanh(gates.b)]
    }
}

let modelFiles: Set<String> = ["config.json", "vocabulary.json", "model.safetensors"]
