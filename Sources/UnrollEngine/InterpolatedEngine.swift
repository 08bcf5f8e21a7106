import Foundation
import UnrollModel
import UnrollText

extension Engine {
    /// This engine with an n-gram model beside its network, in the share that the configuration says; both have one state.
    ///
    /// Without an n-gram model, it is the engine itself.
    package func interpolated(with ngrams: NGramModel?) -> any Engine {
        guard let ngrams, let weight = configuration.ngrams?.weight else { return self }
        return InterpolatedEngine(self, ngrams: ngrams, weight: weight)
    }
}

/// A network with an n-gram model beside it: probabilities are the weighted means of both.
///
/// Jelinek, Mercer, "Interpolated estimation of Markov source parameters from sparse data", 1980. Of a token that is read,
/// the network learns by itself, since counts of the text that it trains on would leave it nothing to learn.
final class InterpolatedEngine: NetworkWrapper {
    let network: any Engine
    private let ngrams: NGramModel
    /// The share of the n-gram model in each probability.
    private let weight: Double

    /// What was read of one text.
    private struct Row {
        var history: NGramModel.History
        /// The last tokens, the latest last; -1 before the beginning.
        var tokens: [Int32]
    }

    /// The texts that are read side by side; none before the first use, when each is at its beginning.
    private var rows: [Row] = []
    /// The histories before the targets of the last minibatch that was evaluated, `[T, B]`, and the targets.
    private var evaluated: (batchSize: Int, histories: [NGramModel.History], targets: [Int32]) = (0, [], [])
    /// Probabilities of all tokens by the n-gram model, `[V]`.
    private var expected: [Double] = []

    init(_ network: any Engine, ngrams: NGramModel, weight: Double) {
        self.network = network
        self.ngrams = ngrams
        self.weight = weight
    }

    /// The same n-gram model beside an engine that shares the network's parameters.
    func sharingParameters(threads: Int?) throws -> InterpolatedEngine {
        InterpolatedEngine(
            try network.sharingParameters(threads: threads), ngrams: ngrams, weight: weight)
    }

    // MARK: State

    /// Continues with the network from this state, and with the n-gram model from the beginning of a text.
    func restoreState(_ state: NamedTensors<Float>) throws {
        try network.restoreState(state)
        rows = []
    }

    /// Continues from this state.
    func restoreState(_ state: RecurrentState) throws {
        try network.restoreState(state)
        let length = ngrams.order - 1
        rows = (0..<state.batchSize).map { row in
            var result = beginning
            for token in state.history[row * length..<(row + 1) * length] where token >= 0 {
                append(token, to: &result)
            }
            return result
        }
    }

    /// Writes the state into a value.
    func copyState(to state: inout RecurrentState) throws {
        try network.copyState(to: &state)
        // Before the first use, it is one row, at its beginning.
        let rows =
            self.rows.count == state.batchSize ? self.rows : (0..<state.batchSize).map { _ in beginning }
        var index = 0
        for row in rows {
            for token in row.tokens {
                state.history[index] = token
                index += 1
            }
        }
    }

    private var beginning: Row {
        Row(history: ngrams.beginning, tokens: [Int32](repeating: -1, count: ngrams.order - 1))
    }

    private func append(_ token: Int32, to row: inout Row) {
        ngrams.append(token, to: &row.history)
        // There are none to remember with an order of 1.
        row.tokens.append(token)
        row.tokens.removeFirst()
    }

    /// Prepares for so many texts, which go on where they are or begin.
    private func prepare(batchSize: Int, continues: Bool) {
        if !continues || rows.count != batchSize { rows = (0..<batchSize).map { _ in beginning } }
    }

    // MARK: Training

    /// Trains the network; the loss is that of both together, before the update.
    func train(
        on minibatch: Minibatch, with optimizer: Optimizer, randomness: StepRandomness?
    ) throws -> StepResult {
        var before = RecurrentState(zerosFor: configuration)
        try network.copyState(to: &before)
        let nats = try evaluate(minibatch)
        try network.restoreState(before)
        var result = try network.train(on: minibatch, with: optimizer, randomness: randomness)
        if result.isFinite { result.meanLoss = nats / Double(minibatch.tokenCount) }
        return result
    }

    /// The network's loss and its gradient.
    func gradients(
        on minibatch: Minibatch, randomness: StepRandomness?
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        try network.gradients(on: minibatch, randomness: randomness)
    }

    // MARK: Evaluation

    /// The summed loss over the minibatch, in nats.
    func evaluate(_ minibatch: Minibatch) throws -> Double {
        _ = try network.evaluate(minibatch)
        prepare(batchSize: minibatch.batchSize, continues: minibatch.continuesState)
        evaluated.batchSize = minibatch.batchSize
        evaluated.targets = minibatch.targets
        evaluated.histories.removeAll(keepingCapacity: true)
        var nats = 0.0
        for step in 0..<minibatch.sequenceLength {
            for row in rows.indices {
                append(minibatch.inputs[step * rows.count + row], to: &rows[row])
                evaluated.histories.append(rows[row].history)
                nats += try loss(step: step, row: row)
            }
        }
        return nats
    }

    /// The loss of the target at a step and row of the last minibatch, in nats.
    func loss(step: Int, row: Int) throws -> Double {
        let loss = try network.loss(step: step, row: row)
        // A network that has diverged is to be noticed.
        guard loss.isFinite else { return loss }
        let place = step * evaluated.batchSize + row
        let probability = ngrams.probability(
            of: evaluated.targets[place], after: evaluated.histories[place])
        return -log(interpolated(exp(-loss), probability))
    }

    /// How well the target at a step and row of the last minibatch was predicted.
    func prediction(step: Int, row: Int) throws -> TokenPrediction {
        let loss = try loss(step: step, row: row)
        var probabilities: [Float] = []
        try copyProbabilities(step: step, row: row, to: &probabilities)
        let entropy = probabilities.reduce(0.0) { $1 > 0 ? $0 - Double($1 * log($1)) : $0 }
        return TokenPrediction(loss: loss, entropy: entropy)
    }

    /// Copies the probabilities of all tokens at a step and row of the last minibatch, `[V]`.
    func copyProbabilities(step: Int, row: Int, to probabilities: inout [Float]) throws {
        try network.copyProbabilities(step: step, row: row, to: &probabilities)
        ngrams.copyProbabilities(
            after: evaluated.histories[step * evaluated.batchSize + row], to: &expected)
        for token in probabilities.indices {
            probabilities[token] = Float(interpolated(Double(probabilities[token]), expected[token]))
        }
    }

    private func interpolated(_ network: Double, _ ngrams: Double) -> Double {
        (1 - weight) * network + weight * ngrams
    }

    // MARK: Generation

    /// Reads one token and writes the logarithms of the probabilities of the next, `[V]`.
    func advance(_ token: Int32, logits: inout [Float]) throws {
        try network.advance(token, logits: &logits)
        prepare(batchSize: 1, continues: true)
        append(token, to: &rows[0])
        interpolate(0, &logits)
    }

    /// Reads one token of each of `B` texts and writes the logarithms of the probabilities of the next ones, `[B, V]`.
    func advance(_ tokens: [Int32], logits: inout [Float]) throws {
        try network.advance(tokens, logits: &logits)
        prepare(batchSize: tokens.count, continues: true)
        for (row, token) in tokens.enumerated() {
            append(token, to: &rows[row])
            interpolate(row, &logits)
        }
    }

    /// Lets the network's engine choose by the probabilities of both, if it can.
    func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice]
    ) throws -> [Int32]? {
        guard let network = network as? any NGramSampling else { return nil }
        let B = choices.count
        let before = rows.count == B ? rows : (0..<B).map { _ in beginning }
        let texts = NGramTexts(ngrams, weight: weight, histories: before.flatMap(\.tokens))
        guard
            let tokens = try network.generate(count, logits: &logits, choosing: choices, beside: texts)
        else { return nil }
        rows = before
        for row in rows.indices {
            // Nothing depends on tokens further back.
            for step in max(0, count - (ngrams.order - 1))..<count {
                append(tokens[step * B + row], to: &rows[row])
            }
            interpolate(row, &logits)
        }
        return tokens
    }

    /// Turns a text's logits by the network into logarithms of probabilities by both.
    private func interpolate(_ row: Int, _ logits: inout [Float]) {
        let range = row * vocabularySize..<(row + 1) * vocabularySize
        ngrams.copyProbabilities(after: rows[row].history, to: &expected)
        var greatest = -Float.infinity
        for index in range { greatest = max(greatest, logits[index]) }
        var sum: Float = 0
        for index in range {
            logits[index] = exp(logits[index] - greatest)
            sum += logits[index]
        }
        for (index, probability) in zip(range, expected) {
            let both = interpolated(Double(logits[index] / sum), probability)
            // What is impossible by both is as improbable as a number can say. NaN stays.
            logits[index] = Float(log(both == 0 ? Double(Float.leastNormalMagnitude) : both))
        }
    }
}
