import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// A network that begins with random parameters and learns from what it has predicted, a few tokens later.
///
/// Every number here is part of the format: another one gives other probabilities.
final class LearningPredictor: TokenPredictor {
    let engine: CPUEngine
    var tokens: [Int32] = [0]
    /// As before the tokens in `minibatch`.
    private var state: RecurrentState
    /// What was read since the last update, and what followed.
    private var minibatch = Minibatch()
    private var steps = 0
    private var updates = 0
    private var blocks = 0

    private static let stepsPerUpdate = 12
    private static let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 256)
    private static let greatestRate: Float = 0.005
    /// Updates in which the rate falls to 2^-3/4 of that.
    private static let rateDecay: Float = 4000

    init(
        vocabularySize: Int, precision: Precision, threads: Int?, kernelLevel: KernelLevel?
    ) throws(EngineError) {
        let parameters: ModelParameters
        do throws(ModelError) {
            parameters = try ModelParameters(
                for: Self.configuration, vocabularySize: vocabularySize, initializer: .uniform, seed: 0)
        } catch {
            throw .model(error)
        }
        // Steps of one to four lanes are so small that threads would mostly wait for one another.
        engine = try CPUEngine(
            configuration: Self.configuration, parameters: parameters, precision: precision,
            threads: threads ?? 1, kernelLevel: kernelLevel)
        state = RecurrentState(zerosFor: Self.configuration, batchSize: 1)
    }

    func begin(tokenCount: Int) throws(EngineError) {
        if steps > 0 { try learn() }
        // The fewer lanes, the sooner it learns from what it reads, and the slower it is.
        try rearrange(&state, lanes: 1 << min(blocks, 2))
        blocks += 1
        try engine.restoreState(state)
        clear()
    }

    func predict(_ logits: inout [Float]) throws(EngineError) {
        if steps == Self.stepsPerUpdate { try learn() }
        minibatch.inputs.replaceSubrange(steps * tokens.count..<(steps + 1) * tokens.count, with: tokens)
        steps += 1
        try engine.advance(tokens, logits: &logits)
    }

    /// Goes back to the beginning of the minibatch and learns to predict what has followed.
    private func learn() throws(EngineError) {
        minibatch.targets = minibatch.inputs
        minibatch.targets.removeFirst(tokens.count)
        minibatch.targets.insert(contentsOf: tokens, at: (steps - 1) * tokens.count)
        minibatch.reshape(sequenceLength: steps, batchSize: tokens.count, continuesState: true)
        // To the power of -3/4, with roots, which have one result everywhere.
        let root = (1 + Float(updates) / Self.rateDecay).squareRoot()
        let rate = Self.greatestRate / (root * root.squareRoot())
        try engine.restoreState(state)
        _ = try engine.train(
            on: minibatch, with: Optimizer(rule: .adam(), learningRate: rate, maxGradientNorm: 1))
        engine.copyState(to: &state)
        updates += 1
        clear()
    }

    private func clear() {
        minibatch.reshape(
            sequenceLength: Self.stepsPerUpdate, batchSize: tokens.count, continuesState: true)
        steps = 0
    }
}
