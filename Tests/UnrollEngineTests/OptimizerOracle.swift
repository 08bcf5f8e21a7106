import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// What PyTorch's optimizers made of a small LSTM; see `Tools/oracles/optimizer_vectors.py`.
struct OptimizerOracle: Decodable {
    struct Texts: Decodable {
        let inputs: [Int32]
        let targets: [Int32]
    }

    struct Case: Decodable {
        let optimizer: Optimizer
        /// The step whose parameters are the first of the average.
        let averagingStart: Int
        let losses: [Double]
        /// By the number of steps.
        let parameters: [String: [String: [Double]]]
        let average: [String: [Double]]?

        /// The optimizer at a step, from 1.
        func optimizer(at step: Int) -> Optimizer {
            var optimizer = optimizer
            if step < averagingStart { optimizer.averaging = .none }
            return optimizer
        }
    }

    let sequenceLength: Int
    let batchSize: Int
    let vocabularySize: Int
    let hiddenSize: Int
    let embeddingSize: Int
    let parameters: [String: [Float]]
    let minibatches: [Texts]
    let cases: [String: Case]

    static let caseNames = [
        "sgd", "sgd with decay", "momentum", "momentum with decay", "nesterov", "nesterov with decay",
        "rmsprop", "rmsprop with decay", "adam", "adam with decay", "adamw", "mean", "mean from step 7",
        "exponential",
    ]

    static func read() throws -> OptimizerOracle {
        let url = try #require(
            Bundle.module.url(forResource: "optimizers", withExtension: "json", subdirectory: "Oracles"))
        return try JSONDecoder().decode(OptimizerOracle.self, from: Data(contentsOf: url))
    }

    var configuration: ModelConfiguration {
        ModelConfiguration(cell: LSTMCell.self, hiddenSize: hiddenSize, embeddingSize: embeddingSize)
    }

    var initialParameters: ModelParameters {
        get throws {
            ModelParameters(
                try configuration.parameterShapes(vocabularySize: vocabularySize).map { name, shape in
                    .init(name: name, shape: shape, values: try #require(parameters[name]))
                })
        }
    }

    /// The minibatch of a step, from 1; all but the first go on from the one before.
    func minibatch(at step: Int) -> Minibatch {
        let texts = minibatches[(step - 1) % minibatches.count]
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: step > 1)
        minibatch.inputs = texts.inputs
        minibatch.targets = texts.targets
        return minibatch
    }
}
