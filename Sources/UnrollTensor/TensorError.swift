import UnrollBase
import UnrollKernels

/// What an operation on tensors refuses.
///
/// Everything that data can decide is thrown, never trapped: shapes, axes, indices, sizes.
public enum TensorError: UnrollError, Equatable {
    /// The shape has a negative dimension, or more elements than can be counted or stored.
    case invalidShape([Int])
    /// There are more or fewer elements than the shape holds.
    case elementCountMismatch(shape: [Int], count: Int)
    /// The shapes of an operation's operands do not fit each other.
    case shapeMismatch(operation: String, [Int], [Int], hint: String)
    /// The operation is not defined for a tensor of so many axes, or of no elements.
    case unsuitableShape(operation: String, shape: [Int], needed: String)
    /// The tensor has no such axis.
    case axisOutOfRange(operation: String, axis: Int, shape: [Int])
    /// An index, a range or a class is out of bounds.
    case indexOutOfRange(operation: String, index: Int, count: Int)
    /// The function computed with a tensor that belongs to another call of `valueWithGradient`.
    case notDetached
    /// The operations that a tensor came from are gone, or were differentiated by variables of other shapes.
    case historyUnavailable
    /// The environment asks for kernels that this processor lacks.
    case kernels(KernelError)

    /// One line with the operation and the shapes, and what to do.
    public var description: String {
        switch self {
        case .invalidShape(let shape):
            "no tensor can have the shape \(shape): dimensions must not be negative, and memory must hold them"
        case .elementCountMismatch(let shape, let count):
            "the shape \(shape) does not hold exactly \(count) elements"
        case .shapeMismatch(let operation, let first, let second, let hint):
            "\(operation): the shapes \(first) and \(second) do not fit; \(hint)"
        case .unsuitableShape(let operation, let shape, let needed):
            "\(operation): the shape is \(shape), but \(needed) is needed"
        case .axisOutOfRange(let operation, let axis, let shape):
            "\(operation): there is no axis \(axis) in the shape \(shape)"
        case .indexOutOfRange(let operation, let index, let count):
            "\(operation): \(index) is not within 0..<\(count)"
        case .notDetached:
            "valueWithGradient: the function uses a tensor that another call of valueWithGradient has computed; "
                + "call detached() on it, or say throughHistory: true to differentiate that call as well"
        case .historyUnavailable:
            "valueWithGradient: a tensor comes from a call without throughHistory: true, with other variables, or "
                + "one that has not returned, so it cannot be differentiated; call detached() on it"
        case .kernels(let error):
            error.description
        }
    }
}
