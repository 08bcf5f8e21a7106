import UnrollCore
import UnrollEngine
import UnrollKernels
import UnrollModel

/// A network that begins with random parameters and learns from what it has predicted, a few tokens later.
///
/// Every number here is part of the format: another one gives other probabilities.
final class LearningPredictor: TokenPredictor {
    let engine: CPUEngine
    var tokens = [Int32](repeating: 0, count: lanes)
    /// As before the tokens in `minibatch`.
    private var state: RecurrentState
    /// What was read since the last update, and what followed.
    private var minibatch = Minibatch()
    private var steps = 0
    private var updates = 0

    /// All bytes and the unknown token, which is none of them.
    private static let vocabularySize = 257
    private static let lanes = 4
    private static let stepsPerUpdate = 16
    private static let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 256)
    private static let greatestRate: Float = 0.005
    /// Updates after which the rate is about 1/√2 of what it was at first.
    private static let rateDecay: Float = 1000

    init(
        precision: Precision, threads: Int?, kernelLevel: KernelLevel?
    ) throws(EngineError) {
        let parameters: Parameters
        do throws(ModelError) {
            parameters = try Parameters(
                for: Self.configuration, vocabularySize: Self.vocabularySize, initializer: .uniform, seed: 0)
        } catch {
            throw .model(error)
        }
        engine = try CPUEngine(
            configuration: Self.configuration, parameters: parameters, precision: precision,
            threads: threads, kernelLevel: kernelLevel)
        state = RecurrentState(zerosFor: Self.configuration, batchSize: Self.lanes)
        clear()
    }

    func begin(tokenCount: Int) throws(EngineError) {
        if steps > 0 { try learn() }
        try rearrange(&state, lanes: Self.lanes)
        try engine.restoreState(state)
    }

    func predict(_ logits: inout [Float]) throws(EngineError) {
        if steps == Self.stepsPerUpdate { try learn() }
        minibatch.inputs.replaceSubrange(steps * Self.lanes..<(steps + 1) * Self.lanes, with: tokens)
        steps += 1
        try engine.advance(tokens, logits: &logits)
    }

    /// Goes back to the beginning of the minibatch and learns to predict what has followed.
    private func learn() throws(EngineError) {
        minibatch.targets = minibatch.inputs
        minibatch.targets.removeFirst(Self.lanes)
        minibatch.targets.insert(contentsOf: tokens, at: (steps - 1) * Self.lanes)
        minibatch.reshape(timeSteps: steps, batchSize: Self.lanes, continuesState: true)
        let rate = Self.greatestRate / (1 + Float(updates) / Self.rateDecay).squareRoot()
        try engine.restoreState(state)
        _ = try engine.train(
            on: minibatch, with: Optimizer(rule: .adam(), learningRate: rate, gradientNormBound: 1))
        engine.copyState(to: &state)
        updates += 1
        clear()
    }

    private func clear() {
        minibatch.reshape(
            timeSteps: Self.stepsPerUpdate, batchSize: Self.lanes, continuesState: true)
        steps = 0
    }
}
