import UnrollKernels

/// What an operation on tensors refuses.
///
/// Whatever data can decide is thrown, never trapped: shapes, axes, indices, sizes.
public enum TensorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The shape has a negative dimension, or more elements than can be counted or stored.
    case invalidShape([Int])
    /// The elements are more or fewer than the shape says.
    case elementCountMismatch(shape: [Int], count: Int)
    /// The shapes of an operation's operands do not fit each other.
    case shapeMismatch(operation: String, [Int], [Int], hint: String)
    /// The operation is not defined for a tensor of so many axes, or of no elements.
    case unsuitableShape(operation: String, shape: [Int], needed: String)
    /// The tensor has no such axis.
    case axisOutOfRange(operation: String, axis: Int, shape: [Int])
    /// An index, a range or a class lies outside of what is there.
    case indexOutOfRange(operation: String, index: Int, count: Int)
    /// The function computed with a tensor that belongs to another call of `valueWithGradient`.
    case notDetached
    /// The operations that a tensor came from are gone, or were differentiated by variables of other shapes.
    case historyUnavailable
    /// The environment asks for kernels that this processor has not.
    case kernels(KernelError)

    /// One line that names the operation, the shapes and the way out.
    public var description: String {
        switch self {
        case .invalidShape(let shape):
            "no tensor can have the shape \(shape): dimensions must not be negative, and memory must hold them"
        case .elementCountMismatch(let shape, let count):
            "the shape \(shape) does not hold just \(count) elements"
        case .shapeMismatch(let operation, let first, let second, let hint):
            "\(operation): the shapes \(first) and \(second) do not fit; \(hint)"
        case .unsuitableShape(let operation, let shape, let needed):
            "\(operation): the shape is \(shape), where \(needed) is needed"
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
