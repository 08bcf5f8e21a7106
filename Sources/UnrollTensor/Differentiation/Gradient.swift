/// Computes a function of some tensors, and the gradient of its value with respect to each.
///
/// The function's operations are remembered while it runs and walked back over once. What it should not be
/// differentiated by it may capture, or detach.
///
/// ```swift
/// let (loss, gradients) = try valueWithGradient(at: parameters) { parameters in
///     try softmaxCrossEntropy(network(inputs, parameters), targets).mean()
/// }
/// ```
///
/// Gradients are constants: they cannot be differentiated once more.
///
/// - Parameters:
///   - variables: Where the function is evaluated.
///   - throughHistory: Whether to continue into earlier calls that also said so, if the function uses a tensor that
///     one of them left without detaching it. Their variables count as these, one by one, as if each had been changed
///     by a constant since: what other frameworks do whose parameters are updated in place. Time and memory grow with
///     every call, until a state is detached.
///   - function: What to differentiate; its value has one element.
/// - Returns: The value, and for each variable a gradient of its shape: zeros where the value does not depend on it.
/// - Throws: `TensorError.unsuitableShape` when the value has not one element, `TensorError.notDetached` when the
///   function uses a tensor of another call, and whatever the function throws.
public func valueWithGradient(
    at variables: [Tensor], throughHistory: Bool = false, of function: ([Tensor]) throws -> Tensor
) throws -> (value: Tensor, gradients: [Tensor]) {
    let tape = Tape(variables: variables.map(\.shape))
    let result = try function(
        variables.enumerated().map { index, variable in
            Tensor(shape: variable.shape, storage: variable.storage, trace: Trace(tape: tape, index: index))
        })
    tape.complete()
    guard result.count == 1 else {
        throw TensorError.unsuitableShape(
            operation: "valueWithGradient", shape: result.shape,
            needed: "a value of one element, as sum() or mean() gives,")
    }
    var sums = variables.map { Adjoint(shape: $0.shape) }
    if let trace = result.trace {
        var sweep = try Sweep(back: tape, from: trace, throughHistory: throughHistory)
        sweep.run(addingTo: &sums)
    }
    var gradients: [Tensor] = []
    for index in sums.indices {
        gradients.append(try sums[index].take() ?? .zeros(variables[index].shape))
    }
    return (result.detached(), gradients)
}

/// Computes a function of one tensor, and its gradient.
///
/// - Parameters:
///   - variable: Where the function is evaluated.
///   - function: What to differentiate; its value has one element.
/// - Returns: The value, and the gradient, which has the variable's shape.
/// - Throws: As for several variables.
public func valueWithGradient(
    at variable: Tensor, of function: (Tensor) throws -> Tensor
) throws -> (value: Tensor, gradient: Tensor) {
    let (value, gradients) = try valueWithGradient(at: [variable]) { try function($0[0]) }
    return (value, gradients[0])
}

/// One walk back over a tape, and over those before it if their history is wanted.
private struct Sweep {
    /// The latest first.
    private let tapes: [Tape]
    private let tapesByNumber: [UInt64: Tape]
    private let keepsRecords: Bool
    /// By the tape's number, then by the index on it.
    private var adjoints: [UInt64: [Adjoint?]]

    init(back tape: Tape, from trace: Trace, throughHistory: Bool) throws(TensorError) {
        guard trace.tape === tape else { throw .notDetached }
        var tapes = [tape]
        var tapesByNumber = [tape.number: tape]
        var next = 0
        while next < tapes.count {
            for earlier in tapes[next].earlier
            where tapesByNumber.updateValue(earlier, forKey: earlier.number) == nil {
                tapes.append(earlier)
            }
            next += 1
        }
        guard tapes.count == 1 || throughHistory else { throw .notDetached }
        for earlier in tapes.dropFirst() {
            guard earlier.stage == .complete, earlier.variables == tape.variables else {
                throw .historyUnavailable
            }
        }
        self.tapes = tapes.sorted { $0.number > $1.number }
        self.tapesByNumber = tapesByNumber
        keepsRecords = throughHistory
        adjoints = [:]
        for tape in tapes { adjoints[tape.number] = [Adjoint?](repeating: nil, count: tape.count) }
        var seed = Adjoint(shape: tape.record(at: trace.index).shape)
        seed.write { elements, _ in elements[0] = 1 }
        adjoints[tape.number]?[trace.index] = seed
    }

    /// Adds each variable's gradient to its sum.
    mutating func run(addingTo sums: inout [Adjoint]) {
        for tape in tapes {
            for index in (0..<tape.count).reversed() {
                // What an operation kept is free for the next ones as soon as it is no longer needed.
                let record = keepsRecords ? tape.record(at: index) : tape.removeLast()
                guard let record, let gradient = adjoints[tape.number]?[index]?.take() else { continue }
                if index < sums.count { sums[index].add(gradient) }
                for (place, contribution) in record.operands { add(gradient, to: place, by: contribution) }
            }
            adjoints[tape.number] = nil
        }
    }

    private mutating func add(_ gradient: Tensor, to place: Tape.Place, by contribution: Tape.Contribution) {
        guard let tape = tapesByNumber[place.tape] else { return }
        var adjoint =
            adjoints[place.tape]?[place.index].take() ?? Adjoint(shape: tape.record(at: place.index).shape)
        contribution(gradient, &adjoint)
        adjoints[place.tape]?[place.index] = adjoint
    }
}
