import UnrollBase
import UnrollModel
import UnrollText

/// What computes: it owns parameters and recurrent state in a layout of its own and runs whole steps on them.
///
/// Engines are interchangeable and pass one conformance suite. They exchange tensors with the world only as
/// `NamedTensors`. An engine belongs to one task at a time.
public protocol Engine: AnyObject {
    /// What the model is made of.
    var configuration: ModelConfiguration { get }
    /// How many tokens the model knows, `V`.
    var vocabularySize: Int { get }
    /// A copy of the parameters.
    var parameters: ModelParameters { get }
    /// The recurrent state after the last minibatch or token: each of the cell's states as `[L, B, H]`.
    ///
    /// Empty before the first use and after `resetState()`, which stands for zeros of any batch size.
    var state: NamedTensors<Float> { get }

    /// Goes on from this state, or from zeros if it is empty.
    func restoreState(_ state: NamedTensors<Float>) throws(EngineError)

    /// A copy of what goes on in the optimizer beside the parameters.
    var optimizerState: OptimizerState { get }

    /// Goes on from this state of an optimizer.
    ///
    /// - Throws: `EngineError` when its names, shapes or counts are not those of this model; it stays as it was then.
    func restoreOptimizerState(_ state: OptimizerState) throws(EngineError)

    /// Exchanges the parameters and their running average, to evaluate or save the average; nothing without one.
    ///
    /// A second exchange is the way back, and belongs before the next step of training.
    func exchangeParametersWithAverage()

    /// One step of training: forward through time, loss, backward through time, clipping, update.
    ///
    /// The gradient is of the mean loss over the minibatch and reaches back to its first step, not beyond. Parameters
    /// and states stay as they are when the loss or the gradient is not finite. Without conditions nothing is random.
    func train(
        on minibatch: Minibatch, with optimizer: Optimizer, under conditions: TrainingConditions?
    ) throws(EngineError) -> StepResult

    /// The loss and its gradient with respect to every parameter; state and parameters stay as they are.
    func gradients(
        on minibatch: Minibatch, under conditions: TrainingConditions?
    ) throws(EngineError) -> (meanLoss: Double, gradients: NamedTensors<Double>)

    /// The summed loss over the minibatch, in nats; the state goes on.
    func evaluate(_ minibatch: Minibatch) throws(EngineError) -> Double

    /// Reads one token and writes the logits of the next, `[V]`; the state goes on.
    func advance(_ token: Int32, logits: inout [Float]) throws(EngineError)

    /// Reads one token of each of `B` texts and writes the logits of the next ones, `[B, V]`; the state goes on.
    ///
    /// - Throws: `EngineError` when there are no tokens, or not as many as rows in the state that is carried on.
    func advance(_ tokens: [Int32], logits: inout [Float]) throws(EngineError)
}

extension Engine {
    /// One step of training in which nothing is random.
    public func train(on minibatch: Minibatch, with optimizer: Optimizer) throws(EngineError) -> StepResult {
        try train(on: minibatch, with: optimizer, under: nil)
    }

    /// The loss and its gradient, where nothing is random.
    public func gradients(
        on minibatch: Minibatch
    ) throws(EngineError) -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        try gradients(on: minibatch, under: nil)
    }

    /// Starts from zeros again.
    public func resetState() throws(EngineError) {
        try restoreState(NamedTensors())
    }
}

/// What one training step found.
public struct StepResult: Sendable, Equatable {
    /// The mean loss over the minibatch, in nats per token, before the update.
    public var meanLoss: Double
    /// The Euclidean norm of the gradient of all parameters together, before clipping.
    public var gradientNorm: Double

    /// Whether loss and gradient are numbers; if not, training has diverged and the update was left out.
    public var isFinite: Bool { meanLoss.isFinite && gradientNorm.isFinite }
}
