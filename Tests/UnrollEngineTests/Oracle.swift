import Foundation
import Testing
import UnrollCore
import UnrollModel

/// What PyTorch computed for one small model; see `Tools/oracles/recurrent_vectors.py`.
struct Oracle: Decodable {
    struct Chunk: Decodable {
        let inputs: [Int32]
        let targets: [Int32]
        let loss: Double
        let gradients: [String: [Double]]
        let states: [String: [Double]]
    }

    struct Training: Decodable {
        let learningRate: Float
        let gradientNormBound: Float
        let losses: [Double]
        let gradientNorms: [Double]
        let finalParameters: [String: [Double]]
    }

    let cell: String
    let timeSteps: Int
    let batchSize: Int
    let vocabularySize: Int
    let hiddenSize: Int
    let parameters: [String: [Float]]
    let chunks: [Chunk]
    let training: Training

    static func named(_ name: String) throws -> Oracle {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Oracles"))
        return try JSONDecoder().decode(Oracle.self, from: Data(contentsOf: url))
    }

    var configuration: ModelConfiguration {
        get throws {
            let type = try #require(ModelConfiguration.builtInCells.first { $0.name == cell })
            return ModelConfiguration(cell: type, hiddenSize: hiddenSize)
        }
    }

    var initialParameters: Parameters {
        get throws {
            Parameters(
                try configuration.parameterShapes(vocabularySize: vocabularySize).map { name, shape in
                    .init(name: name, shape: shape, values: try #require(parameters[name]))
                })
        }
    }

    /// The minibatches in order; the first starts afresh, the others go on from the one before.
    var minibatches: [Minibatch] {
        chunks.enumerated().map { index, chunk in
            var minibatch = Minibatch()
            minibatch.reshape(timeSteps: timeSteps, batchSize: batchSize, continuesState: index > 0)
            minibatch.inputs = chunk.inputs
            minibatch.targets = chunk.targets
            return minibatch
        }
    }
}
