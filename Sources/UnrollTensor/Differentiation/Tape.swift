import CUnrollKernels
import Synchronization

/// The operations of one differentiated function, in the order in which they ran.
///
/// A gradient is found by walking back over the list once: no operation calls another, so the length of a chain is
/// bounded by memory and not by the stack.
final class Tape: Sendable {
    /// What an operation adds to the gradient of one of its operands, given the gradient of its result.
    typealias Contribution = @Sendable (_ gradient: Tensor, inout Adjoint) -> Void

    /// One operation, or one variable, which has no operands.
    struct Record: Sendable {
        /// The shape of the result.
        let shape: [Int]
        /// The operands that are traced.
        let operands: [(place: Place, contribution: Contribution)]
    }

    /// Where a record is found.
    struct Place: Sendable {
        let tape: UInt64
        let index: Int
    }

    /// What may be done with the operations.
    enum Stage {
        /// Their function has not returned.
        case recording
        /// They may be differentiated, also from later tapes.
        case complete
        /// Some were taken off, so that none can be differentiated again.
        case spent
    }

    private struct State: Sendable {
        var records: [Record] = []
        /// Tapes that records refer to.
        var earlier: [Tape] = []
        var stage = Stage.recording
    }

    private static let counter = Atomic<UInt64>(0)

    /// Grows from tape to tape.
    let number: UInt64
    /// The shapes of the function's variables, which are the first records.
    let variables: [[Int]]
    private let state: Mutex<State>

    init(variables: [[Int]]) {
        number = Tape.counter.add(1, ordering: .relaxed).newValue
        self.variables = variables
        state = Mutex(State(records: variables.map { Record(shape: $0, operands: []) }))
    }

    deinit {
        // One by one: each may hold the next, and thousands released inside each other would overflow the stack.
        var pending = takeEarlier()
        while var tape = pending.popLast() {
            if isKnownUniquelyReferenced(&tape) { pending += tape.takeEarlier() }
        }
    }

    private func takeEarlier() -> [Tape] {
        state.withLock { state in
            defer { state.earlier = [] }
            return state.earlier
        }
    }

    /// The tapes that operations of this one took operands from.
    var earlier: [Tape] { state.withLock { $0.earlier } }

    /// How many operations are remembered.
    var count: Int { state.withLock { $0.records.count } }

    /// What may be done with the operations.
    var stage: Stage { state.withLock { $0.stage } }

    /// Says that the function has returned.
    func complete() {
        state.withLock { $0.stage = .complete }
    }

    /// Appends an operation and returns its index.
    func append(_ record: Record, uses tapes: [Tape] = []) -> Int {
        state.withLock { state in
            if state.stage == .spent { return 0 }
            for tape in tapes where tape !== self && !state.earlier.contains(where: { $0 === tape }) {
                state.earlier.append(tape)
            }
            state.records.append(record)
            return state.records.count - 1
        }
    }

    /// The operation at an index.
    func record(at index: Int) -> Record {
        state.withLock { $0.records[index] }
    }

    /// Takes the last operation off, with what it kept for its derivative.
    func removeLast() -> Record? {
        state.withLock { state in
            state.stage = .spent
            return state.records.popLast()
        }
    }
}

/// A tensor's place on a tape.
struct Trace: Sendable {
    let tape: Tape
    let index: Int

    var place: Tape.Place { Tape.Place(tape: tape.number, index: index) }
}

extension Tensor {
    /// Remembers the operation that made this tensor, if any of its operands is traced.
    ///
    /// - Parameter operands: Each operand with what it gets from the gradient of this result. Contributions must not
    ///   capture traced tensors: the tape would keep itself alive.
    /// - Returns: This tensor, traced if an operand is.
    func recorded(from operands: (Tensor, Tape.Contribution)...) -> Tensor {
        recorded(from: operands)
    }

    func recorded(from operands: [(Tensor, Tape.Contribution)]) -> Tensor {
        var tape: Tape?
        for (operand, _) in operands {
            if let candidate = operand.trace?.tape, candidate.number > tape?.number ?? 0 { tape = candidate }
        }
        guard let tape else { return self }
        var uses: [Tape] = []
        var traced: [(place: Tape.Place, contribution: Tape.Contribution)] = []
        for (operand, contribution) in operands {
            guard let trace = operand.trace else { continue }
            if trace.tape !== tape { uses.append(trace.tape) }
            traced.append((trace.place, contribution))
        }
        let index = tape.append(Tape.Record(shape: shape, operands: traced), uses: uses)
        return Tensor(shape: shape, storage: storage, trace: Trace(tape: tape, index: index))
    }
}

/// The gradient of one tensor while it is being summed up; nil stands for zero.
struct Adjoint {
    let shape: [Int]
    private(set) var storage: TensorStorage?

    init(shape: [Int]) {
        self.shape = shape
    }

    /// Adds a gradient of the tensor's own shape.
    mutating func add(_ gradient: Tensor) {
        guard storage != nil else {
            storage = gradient.storage
            return
        }
        let count = gradient.count
        write { sum, _ in
            let kernels = TensorRuntime.shared.kernels
            TensorRuntime.shared.share(count, granularity: 32, operations: 2 * count) { part in
                let to = sum + part.lowerBound
                kernels.combine(
                    UNROLL_COMBINE_ADD, to, to, false, gradient.storage.base + part.lowerBound, false,
                    part.count)
            }
        }
    }

    /// Lets the body add to the elements, or set them all if there is nothing yet to add to.
    mutating func write(_ body: (_ elements: UnsafeMutablePointer<Float>, _ isFresh: Bool) -> Void) {
        guard var own = storage else {
            let fresh = TensorStorage.allocated(count: shape.reduce(1, *))
            body(fresh.base, true)
            storage = fresh
            return
        }
        storage = nil
        if isKnownUniquelyReferenced(&own) {
            own.forgetPanels()
        } else {
            let copy = TensorStorage.allocated(count: own.count)
            copy.base.update(from: own.base, count: own.count)
            own = copy
        }
        body(own.base, false)
        storage = own
    }

    /// Adds the rows of a gradient of another shape, each where it came from.
    mutating func addRows(of gradient: Tensor, width: Int, at place: (_ row: Int) -> Int) {
        let count = shape.reduce(1, *)
        let rows = width == 0 ? 0 : gradient.count / width
        let kernels = TensorRuntime.shared.kernels
        write { elements, isFresh in
            if isFresh { elements.update(repeating: 0, count: count) }
            for row in 0..<rows {
                let to = elements + place(row)
                kernels.combine(
                    UNROLL_COMBINE_ADD, to, to, false, gradient.storage.base + row * width, false, width)
            }
        }
    }

    /// What has been summed up, or nil for zero; afterwards it is zero again.
    mutating func take() -> Tensor? {
        defer { storage = nil }
        return storage.map { Tensor(shape: shape, storage: $0) }
    }
}
