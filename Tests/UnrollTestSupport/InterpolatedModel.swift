import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// A random network with an n-gram model of a random text beside it.
package struct InterpolatedModel {
    package let model: EngineModel
    package let ngrams: NGramModel
    private let configuration: ModelConfiguration
    private let weight: Double

    package init(
        _ size: EngineModelSize, cell: any RecurrentCell.Type = LSTMCell.self, order: Int = 3,
        weight: Double = 0.3
    ) throws {
        model = try EngineModel(cell: cell, size: size)
        self.weight = weight
        var configuration = model.configuration
        configuration.ngrams = NGramConfiguration(order: order, weight: weight)
        self.configuration = configuration
        // Half of the text has few tokens, so that sequences occur several times.
        var source = RandomSource(seed: 5, purpose: .partitioning)
        let text = (0..<400).map { Int32(source.integer(below: $0 < 200 ? size.V : min(size.V, 4))) }
        ngrams = try NGramModel(of: TokenIDs(text), vocabularySize: size.V, order: order)
    }

    package func network(
        _ maker: EngineMaker, parameters: ModelParameters? = nil, precision: Precision = .float32
    ) throws -> any Engine {
        try maker.engine(
            configuration: configuration, parameters: parameters ?? model.parameters,
            settings: EngineSettings(precision: precision, threads: 1))
    }

    package func engine(
        _ maker: EngineMaker, parameters: ModelParameters? = nil, precision: Precision = .float32
    ) throws -> any Engine {
        try network(maker, parameters: parameters, precision: precision).interpolated(with: ngrams)
    }

    /// The n-gram model and texts that have not begun.
    package func texts(_ count: Int) -> NGramTexts {
        NGramTexts(
            ngrams, weight: weight,
            histories: [Int32](repeating: -1, count: count * (ngrams.order - 1)))
    }

    /// Checks losses, entropies and probabilities against the network's and the n-gram model's own.
    package func check(_ maker: EngineMaker) throws {
        let (network, engine) = (try network(maker), try engine(maker))
        var histories: [NGramModel.History] = []
        var (own, both, expected) = ([Float](), [Float](), [Double]())
        for minibatch in model.minibatches {
            _ = try network.evaluate(minibatch)
            let nats = try engine.evaluate(minibatch)
            if !minibatch.continuesState {
                histories = (0..<minibatch.batchSize).map { _ in ngrams.beginning }
            }
            var sum = 0.0
            for place in minibatch.inputs.indices {
                let (step, row) = (place / minibatch.batchSize, place % minibatch.batchSize)
                ngrams.append(minibatch.inputs[place], to: &histories[row])
                ngrams.copyProbabilities(after: histories[row], to: &expected)
                try network.copyProbabilities(step: step, row: row, to: &own)
                try engine.copyProbabilities(step: step, row: row, to: &both)
                for token in expected.indices {
                    expected[token] = weight * expected[token] + (1 - weight) * Double(own[token])
                    #expect(abs(Double(both[token]) - expected[token]) < 1e-6)
                }
                let loss = -log(expected[Int(minibatch.targets[place])])
                sum += loss
                let prediction = try engine.prediction(step: step, row: row)
                #expect(
                    try abs(prediction.loss - loss) < 1e-4
                        && prediction.loss == engine.loss(step: step, row: row))
                #expect(abs(prediction.entropy - expected.reduce(0) { $0 - $1 * log($1) }) < 1e-4)
            }
            #expect(abs(nats / sum - 1) < 1e-5)
            #expect(try engine.state == network.state)
        }
    }
}
