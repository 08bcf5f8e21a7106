// The chapter's exercises, each a line of the chapter changed: `swift run -c release Exercises`.

import ArgumentParser
import Book
import Chapter
import Foundation
import Unroll

/// What an exercise changes, and what becomes of training.
struct Exercise {
    var name: String
    /// The greatest norm that a gradient may have; nil leaves clipping out.
    var bound: Float? = 1
    /// Whether the gradient ends where the minibatch begins, or where the epoch does.
    var detachesState = true
    /// What the hidden layer applies.
    var activation: @Sendable (Tensor) -> Tensor = { tanh($0) }
    /// The length of each token's vector where it is learned; nil for one-hot vectors.
    var embeddingSize: Int?

    static let all = [
        Exercise(name: "the chapter"),
        Exercise(name: "no clipping", bound: nil),
        Exercise(name: "state not detached", detachesState: false),
        Exercise(name: "ReLU", activation: { relu($0) }),
        Exercise(name: "ReLU, no clipping", bound: nil, activation: { relu($0) }),
        Exercise(name: "embedding of 64", embeddingSize: 64),
    ]

    /// The chapter's parameters, and with an embedding its table, which changes what W_xh is multiplied with.
    func parameters(vocabularySize: Int, seed: UInt64) throws -> [Tensor] {
        guard let embeddingSize else {
            return try rnnParameters(vocabularySize: vocabularySize, hiddenSize: 512, seed: seed)
        }
        var random = RandomSource(seed: seed, purpose: .initialization, index: 1)
        var parameters = try rnnParameters(vocabularySize: vocabularySize, hiddenSize: 512, seed: seed)
        parameters[0] = try .normal([embeddingSize, 512], standardDeviation: 0.01, from: &random)
        return parameters + [try .normal([vocabularySize, embeddingSize], from: &random)]
    }

    func inputs(_ minibatch: Minibatch, vocabularySize: Int, parameters: [Tensor]) throws -> Tensor {
        guard embeddingSize != nil else { return try oneHotInputs(minibatch, vocabularySize: vocabularySize) }
        return try parameters[5].gathered(minibatch.inputs)
            .reshaped(to: [minibatch.sequenceLength, minibatch.batchSize, -1])
    }

    func forward(
        _ inputs: Tensor, _ state: [Tensor], _ parameters: [Tensor]
    ) throws -> (outputs: Tensor, state: [Tensor]) {
        let (wxh, whh, bh, whq, bq) = (
            parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]
        )
        var h = state[0]
        var outputs: [Tensor] = []
        for t in 0..<inputs.shape[0] {
            h = activation(try matmul(inputs[t], wxh) + matmul(h, whh) + bh)
            outputs.append(try matmul(h, whq) + bq)
        }
        return (try concatenated(outputs), [h])
    }
}

extension Exercise {
    /// Trains a network for some epochs and says in one line how it went.
    func run(on book: Corpus, epochs: Int, seed: UInt64) throws -> String {
        let vocabularySize = book.vocabulary.count
        var parameters = try parameters(vocabularySize: vocabularySize, seed: seed)
        var perplexities: [Double] = []
        let start = ContinuousClock.now
        for epoch in 1...epochs {
            let minibatches = try Partitioning.sequential.minibatches(
                of: book.tokens, batchSize: 32, sequenceLength: 35, seed: seed, epoch: epoch)
            let nats = try trainEpoch(&parameters, on: minibatches, vocabularySize: vocabularySize)
            perplexities.append(exp(nats))
            guard nats.isFinite else { break }
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        let last = String(format: "%.4g", perplexities.last ?? .nan)
        let least = String(format: "%.4g", perplexities.min() ?? .nan)
        return "perplexity \(last) after \(perplexities.count) epochs, least \(least), "
            + String(format: "%.0f ms an epoch", 1000 * seconds / Double(perplexities.count))
    }

    /// The mean loss in nats.
    private func trainEpoch(
        _ parameters: inout [Tensor], on minibatches: any MinibatchSource, vocabularySize: Int
    ) throws -> Double {
        var minibatch = Minibatch()
        var state: [Tensor] = []
        var nats = 0.0
        for index in 0..<minibatches.count {
            minibatches.fill(&minibatch, at: index)
            if !minibatch.continuesState {
                state = try rnnState(batchSize: minibatch.batchSize, hiddenSize: 512)
            }
            let (loss, gradients) = try valueWithGradient(
                at: parameters, throughHistory: !detachesState
            ) { parameters in
                let inputs = try inputs(minibatch, vocabularySize: vocabularySize, parameters: parameters)
                let (outputs, next) = try forward(inputs, state, parameters)
                state = detachesState ? next.map { $0.detached() } : next
                return try softmaxCrossEntropy(outputs, minibatch.targets).mean()
            }
            let bounded = if let bound { try clipped(gradients, to: bound) } else { gradients }
            for (index, gradient) in bounded.enumerated() { try parameters[index] -= gradient }
            nats += Double(try loss.scalar()) / Double(minibatches.count)
        }
        return nats
    }
}

@main
struct Exercises: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains the chapter's network with a line changed.")

    @OptionGroup var source: BookArgument

    @Option(help: "Passes over the text.")
    var epochs = 500

    @Option(help: "How many networks to train for each exercise.")
    var seeds = 3

    func validate() throws {
        guard epochs > 0, seeds > 0 else { throw ValidationError("--epochs and --seeds must be at least 1") }
    }

    func run() throws {
        let book = try source.read()
        for exercise in Exercise.all {
            for seed in 1...seeds {
                print(
                    "\(exercise.name), seed \(seed):",
                    try exercise.run(on: book.corpus, epochs: epochs, seed: UInt64(seed)))
                fflush(nil)
            }
        }
    }
}
