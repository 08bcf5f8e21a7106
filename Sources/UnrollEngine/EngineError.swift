import UnrollKernels
import UnrollModel

/// What an engine refuses.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The cell or the parameters do not fit the configuration.
    case model(ModelError)
    /// A size that must be at least one is not.
    case invalidSize(name: String, value: Int)
    /// Parameters and activations would not fit into the machine's memory, in bytes.
    case notEnoughMemory(needed: Double, available: Double)
    /// A token id lies outside the vocabulary.
    case tokenOutOfRange(Int32, vocabularySize: Int)
    /// The state that is carried on is of another shape than the minibatch needs.
    case stateMismatch(expected: [Int], actual: [Int])
    /// There is no such part of a recurrent state; the text says which.
    case invalidState(String)
    /// A share to leave out is none; the text says which.
    case invalidRegularization(String)
    /// A number of the optimizer makes no sense.
    case invalidOptimizer(name: String, value: Float, range: String)
    /// What an optimizer is to go on from contradicts itself.
    case invalidOptimizerState(String)
    /// The machine has not the kernels, the memory or the threads.
    case kernels(KernelError)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .model(let error):
            error.description
        case .invalidSize(let name, let value):
            "\(name) is \(value) but must be at least 1 and small enough to count with"
        case .notEnoughMemory(let needed, let available):
            "this model would need \(MemoryEstimate.formatted(needed)) of memory and the machine has "
                + "\(MemoryEstimate.formatted(available)); make --hidden, --layers, --batch or --steps smaller"
        case .tokenOutOfRange(let token, let size):
            "the token id \(token) is not in the vocabulary of \(size)"
        case .stateMismatch(let expected, let actual):
            "the recurrent state has the shape \(actual), where the minibatch needs \(expected)"
        case .invalidState(let reason), .invalidRegularization(let reason):
            reason
        case .invalidOptimizer(let name, let value, let range):
            "\(name) is \(value) but must be \(range)"
        case .invalidOptimizerState(let reason):
            "the optimizer cannot go on from this state: \(reason); restore it as it was saved, or begin anew"
        case .kernels(let error):
            error.description
        }
    }
}
