import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText

/// What PyTorch computed for one small model; see `Tools/oracles/recurrent_vectors.py`.
struct Oracle: Decodable {
    struct Chunk: Decodable {
        let inputs: [Int32]
        let targets: [Int32]
        let logits: [Double]
        let loss: Double
        let gradients: [String: [Double]]
        let states: [String: [Double]]
    }

    struct Training: Decodable {
        let learningRate: Float
        let maxGradientNorm: Float
        let losses: [Double]
        let gradientNorms: [Double]
        let finalParameters: [String: [Double]]
    }

    let cell: String
    let sequenceLength: Int
    let batchSize: Int
    let vocabularySize: Int
    let hiddenSize: Int
    let layerCount: Int
    let embeddingSize: Int?
    let tiesWeights: Bool
    let parameters: [String: [Float]]
    let chunks: [Chunk]
    let training: Training

    /// Every cell, each in every stack of layers that it can have.
    static let names =
        [
            "tanh", "relu", "lstm", "gru", "functions", "slstm", "peepholes", "learned-leak",
        ].flatMap { cell in
            ["", "-2-layers", "-embedding", "-2-layers-embedding", "-2-layers-tied"].map { cell + $0 }
        }
        + ["highway", "residual"].flatMap { cell in ["-2-layers-square", "-2-layers-tied"].map { cell + $0 } }

    static func named(_ name: String) throws -> Oracle {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Oracles"))
        return try JSONDecoder().decode(Oracle.self, from: Data(contentsOf: url))
    }

    var configuration: ModelConfiguration {
        get throws {
            let type = try #require((EngineModel.cells + EngineModel.inputCells).first { $0.name == cell })
            return ModelConfiguration(
                cell: type, hiddenSize: hiddenSize, layerCount: layerCount, embeddingSize: embeddingSize,
                tiesWeights: tiesWeights)
        }
    }

    var initialParameters: ModelParameters {
        get throws {
            ModelParameters(
                try configuration.parameterShapes(vocabularySize: vocabularySize).map { name, shape in
                    .init(name: name, shape: shape, values: try #require(parameters[name]))
                })
        }
    }

    /// The minibatches in order; the first starts afresh, the others go on from the one before.
    var minibatches: [Minibatch] {
        chunks.enumerated().map { index, chunk in
            var minibatch = Minibatch()
            minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: index > 0)
            minibatch.inputs = chunk.inputs
            minibatch.targets = chunk.targets
            return minibatch
        }
    }
}
