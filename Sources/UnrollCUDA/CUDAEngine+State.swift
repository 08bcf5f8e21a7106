import UnrollEngine
import UnrollModel

extension CUDAEngine {
    /// A copy of the parameters.
    ///
    /// - Throws: `CUDAError`.
    public var parameters: ModelParameters {
        get throws { layout.unpacked(try queue.floats(at: parameterMemory.address, count: layout.count)) }
    }

    /// The recurrent state after the last minibatch or token: each of the cell's states as `[L, B, H]`.
    ///
    /// - Throws: `CUDAError`.
    public var state: NamedTensors<Float> {
        get throws { runner.carriedBatchSize > 0 ? try recurrentState.tensors : NamedTensors() }
    }

    /// Continues from this state, or from zeros if it is empty.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    public func restoreState(_ state: NamedTensors<Float>) throws {
        if state.entries.isEmpty {
            runner.carriedBatchSize = 0
        } else {
            try restoreState(RecurrentState(state, for: configuration))
        }
    }

    /// Continues from this state.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    public func restoreState(_ state: RecurrentState) throws {
        try state.check(for: configuration)
        try runner.carry(state.rowNumbers, batchSize: state.batchSize)
    }

    /// Writes the state into a value; one row of zeros before the first use.
    ///
    /// - Throws: `CUDAError`.
    public func copyState(to state: inout RecurrentState) throws {
        let batchSize = runner.carriedBatchSize
        guard batchSize > 0 else {
            state = RecurrentState(zerosFor: configuration)
            return
        }
        let numbers = try queue.floats(
            at: runner.carried.address, count: dimensions.carriedCount(batchSize: batchSize))
        state = RecurrentState(rowNumbers: numbers, batchSize: batchSize, for: configuration)
    }

    /// A copy of what the optimizer keeps beside the parameters.
    ///
    /// - Throws: `CUDAError`.
    public var optimizerState: OptimizerState {
        get throws {
            try runner.optimizerMemory.state(
                shapes: configuration.parameterShapes(vocabularySize: vocabularySize))
        }
    }

    /// Continues from this state of an optimizer.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    public func restoreOptimizerState(_ state: OptimizerState) throws {
        try runner.optimizerMemory.restore(
            state, shapes: configuration.parameterShapes(vocabularySize: vocabularySize))
    }

    /// Exchanges the parameters and their running average; nothing without one.
    ///
    /// - Throws: `CUDAError`.
    public func exchangeParametersWithAverage() throws {
        guard let average = runner.optimizerMemory.averageAddress else { return }
        try queue.launch(
            kernels.exchange,
            Launch(
                grid: ((layout.count + 255) / 256, 1, 1), threads: 256,
                arguments: [.int(layout.count), .address(parameterMemory.address), .address(average)]))
        // Another engine that shares the parameters has a queue of its own.
        try queue.synchronize()
    }
}
