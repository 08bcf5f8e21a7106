import UnrollBase
import UnrollKernels

/// What an engine refuses.
public enum EngineError: UnrollError, Equatable {
    /// Parameters and activations would not fit into the machine's memory, in bytes.
    case notEnoughMemory(needed: Double, available: Double)
    /// A token id is outside the vocabulary.
    case tokenOutOfRange(Int32, vocabularySize: Int)
    /// The recurrent state is of another shape than what continues from it, `[L, B, H]`.
    case stateMismatch(expected: [Int], actual: [Int])
    /// The recurrent state has no such rows, or none were named.
    case noSuchRows([Int], batchSize: Int)
    /// The recurrent state has no such units.
    case noSuchUnits(state: String, layer: Int, row: Int)
    /// An engine of this precision computes trained models and has no gradients.
    case noTraining(Precision)
    /// An engine of this kind does not train in shards.
    case noShards(engine: String)
    /// No minibatch was evaluated last, or it has no such step, row or layer.
    case noPrediction(step: Int, row: Int)
    /// The optimizer's state has counts of steps that its slots contradict.
    case invalidOptimizerState(steps: Int, averagedSteps: Int)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .notEnoughMemory(let needed, let available):
            "this model would need \(MemoryEstimate.formatted(needed)) of memory and the machine has "
                + "\(MemoryEstimate.formatted(available)); use fewer hidden units, fewer layers, smaller batches or "
                + "shorter sequences"
        case .tokenOutOfRange(let token, let size):
            "the token id \(token) is not in the vocabulary of \(size)"
        case .stateMismatch(let expected, let actual):
            "the recurrent state has the shape \(actual), but \(expected) is needed"
        case .noSuchRows(let rows, let batchSize):
            "the recurrent state has rows 0 to \(batchSize - 1), not \(rows); name at least one of them"
        case .noSuchUnits(let state, let layer, let row):
            "the recurrent state has no units '\(state)' of layer \(layer) and row \(row)"
        case .noTraining(let precision):
            "nothing is trained in \(precision.rawValue); train in float32 or bfloat16 and quantize the model afterwards"
        case .noShards(let engine):
            "the engine '\(engine)' does not train in shards; use one shard of more rows, or another engine"
        case .noPrediction(let step, let row):
            "there is no prediction of step \(step) and row \(row); evaluate a minibatch first"
        case .invalidOptimizerState(let steps, let averagedSteps):
            "the optimizer's state says \(steps) steps, \(averagedSteps) of them averaged, and its slots are others; "
                + "restore it as it was saved"
        }
    }
}
