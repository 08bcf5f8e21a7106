// A recurrent network from scratch, in the order of "Dive into Deep Learning", section 8.5.
//
// T time steps, B sequences side by side, V tokens in the vocabulary, H hidden units.

import Book
import Foundation
import Unroll

// MARK: One-hot encoding
/// The tokens of a minibatch as vectors, `[T, B, V]`: the network reads all sequences one step after the other.
package func oneHotInputs(_ minibatch: Minibatch, vocabularySize: Int) throws -> Tensor {
    try oneHot(minibatch.inputs, classes: vocabularySize)
        .reshaped(to: [minibatch.sequenceLength, minibatch.batchSize, vocabularySize])
}

// MARK: Parameters
/// W_xh, W_hh, b_h for the hidden layer; W_hq, b_q for the output.
package func rnnParameters(vocabularySize: Int, hiddenSize: Int, seed: UInt64) throws -> [Tensor] {
    var random = RandomSource(seed: seed, purpose: .initialization)
    func normal(_ shape: [Int]) throws -> Tensor {
        try .normal(shape, standardDeviation: 0.01, from: &random)
    }
    let (v, h) = (vocabularySize, hiddenSize)
    return try [normal([v, h]), normal([h, h]), .zeros([h]), normal([h, v]), .zeros([v])]
}

// MARK: The network
/// The state before the first token: a list, as other networks have more than one.
package func rnnState(batchSize: Int, hiddenSize: Int) throws -> [Tensor] {
    [try .zeros([batchSize, hiddenSize])]
}

/// From `[T, B, V]` and the state, a logit for every token that may come next, `[T * B, V]`, and the new state.
package func rnn(
    _ inputs: Tensor, _ state: [Tensor], _ parameters: [Tensor]
) throws -> (outputs: Tensor, state: [Tensor]) {
    let (wxh, whh, bh, whq, bq) = (parameters[0], parameters[1], parameters[2], parameters[3], parameters[4])
    var h = state[0]
    var outputs: [Tensor] = []
    for t in 0..<inputs.shape[0] {
        h = try tanh(matmul(inputs[t], wxh) + matmul(h, whh) + bh)
        outputs.append(try matmul(h, whq) + bq)
    }
    return (try concatenated(outputs), [h])
}

/// A network is three functions, so whatever cell you write fits.
package struct ScratchModel {
    package typealias MakeParameters = (_ vocabulary: Int, _ hidden: Int, _ seed: UInt64) throws -> [Tensor]
    package typealias MakeState = (_ batchSize: Int, _ hiddenSize: Int) throws -> [Tensor]
    package typealias Forward = (Tensor, [Tensor], [Tensor]) throws -> (outputs: Tensor, state: [Tensor])

    package let vocabulary: Vocabulary
    package var parameters: [Tensor]
    package let initialState: (_ batchSize: Int) throws -> [Tensor]
    package let forward: Forward

    package init(
        vocabulary: Vocabulary, hiddenSize: Int, seed: UInt64 = 1, parameters: MakeParameters,
        initialState: @escaping MakeState, forward: @escaping Forward
    ) throws {
        self.vocabulary = vocabulary
        self.parameters = try parameters(vocabulary.count, hiddenSize, seed)
        self.initialState = { try initialState($0, hiddenSize) }
        self.forward = forward
    }
}

// MARK: Prediction
/// The prefix and the `count` characters that the network finds most likely after it, one by one.
package func predict(after prefix: String, count: Int, with model: ScratchModel) throws -> String {
    var state = try model.initialState(1)
    func logits(after token: Int32) throws -> Tensor {
        let input = try oneHot([token], classes: model.vocabulary.count).reshaped(to: [1, 1, -1])
        let (outputs, next) = try model.forward(input, state, model.parameters)
        state = next
        return outputs
    }
    var tokens = model.vocabulary.encode(prompt: prefix).ids
    // The prefix warms the state up; what the network would have said meanwhile is of no interest.
    for token in tokens.dropLast() { _ = try logits(after: token) }
    for _ in 0..<count { tokens += try logits(after: tokens.last ?? Vocabulary.unknownID).argmax() }
    return model.vocabulary.decode(tokens)
}

// MARK: Gradient clipping
/// The gradients, shortened together where their common norm is greater than `bound`.
package func clipped(_ gradients: [Tensor], to bound: Float) throws -> [Tensor] {
    let norm = try gradients.reduce(Float(0)) { try $0 + ($1 * $1).sum().scalar() }.squareRoot()
    return norm > bound ? gradients.map { $0 * (bound / norm) } : gradients
}

// MARK: Training
/// Trains on each minibatch once; returns the perplexity and how many tokens it read in a second.
package func trainEpoch(
    _ model: inout ScratchModel, on minibatches: any MinibatchSource, learningRate: Float
) throws -> (perplexity: Double, tokensPerSecond: Double) {
    var minibatch = Minibatch()
    var state: [Tensor] = []
    var (nats, tokenCount) = (0.0, 0)
    let start = ContinuousClock.now
    for index in 0..<minibatches.count {
        minibatches.fill(&minibatch, at: index)
        if state.isEmpty || !minibatch.continuesState { state = try model.initialState(minibatch.batchSize) }
        let inputs = try oneHotInputs(minibatch, vocabularySize: model.vocabulary.count)
        let (loss, gradients) = try valueWithGradient(at: model.parameters) { parameters in
            let (outputs, next) = try model.forward(inputs, state, parameters)
            // The gradient ends where the minibatch begins.
            state = next.map { $0.detached() }
            return try softmaxCrossEntropy(outputs, minibatch.targets).mean()
        }
        for (index, gradient) in try clipped(gradients, to: 1).enumerated() {
            try model.parameters[index] -= learningRate * gradient
        }
        nats += Double(try loss.scalar()) * Double(minibatch.tokenCount)
        tokenCount += minibatch.tokenCount
    }
    return (exp(nats / Double(tokenCount)), Double(tokenCount) / (start.duration(to: .now) / .seconds(1)))
}

/// Trains for some epochs and tells how it goes.
package func train(
    _ model: inout ScratchModel, on corpus: Corpus, epochs: Int, learningRate: Float,
    partitioning: Partitioning
) throws {
    var speeds: [Double] = []
    for epoch in 1...epochs {
        let minibatches = try partitioning.minibatches(
            of: corpus.tokens, batchSize: 32, sequenceLength: 35, seed: 1, epoch: epoch)
        let (perplexity, speed) = try trainEpoch(&model, on: minibatches, learningRate: learningRate)
        speeds.append(speed)
        guard epoch % max(1, epochs / 5) == 0 else { continue }
        let median = Int(speeds.sorted()[speeds.count / 2])
        print("epoch \(epoch): perplexity \(String(format: "%.3f", perplexity)), \(median) tokens/s")
        fflush(nil)
    }
}

/// Trains such a network on the text, once for each way of cutting it into minibatches, and lets it go on writing.
package func runChapter(
    on book: Book, parameters: ScratchModel.MakeParameters, initialState: @escaping ScratchModel.MakeState,
    forward: @escaping ScratchModel.Forward
) throws {
    for partitioning in [Partitioning.sequential, .random] {
        print("\(book.corpus.name), \(partitioning) partitioning")
        var model = try ScratchModel(
            vocabulary: book.corpus.vocabulary, hiddenSize: 512, parameters: parameters,
            initialState: initialState, forward: forward)
        try train(&model, on: book.corpus, epochs: 500, learningRate: 1, partitioning: partitioning)
        for prefix in book.prefixes { print(try predict(after: prefix, count: 50, with: model)) }
    }
}
