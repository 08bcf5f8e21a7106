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
        get throws {
            let B = runner.carriedBatchSize
            guard B > 0 else { return NamedTensors() }
            let values = try queue.floats(
                at: runner.carried.address, count: dimensions.carriedCount(batchSize: B))
            let size = B * dimensions.H
            return NamedTensors(
                configuration.cell.states.enumerated().map { index, name in
                    let layers = (0..<dimensions.L).flatMap { layer in
                        let first = (layer * dimensions.states + index) * size
                        return values[first..<first + size]
                    }
                    return .init(
                        name: name, shape: [dimensions.L, B, dimensions.H], values: layers)
                })
        }
    }

    /// Continues from this state, or from zeros if it is empty.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    public func restoreState(_ state: NamedTensors<Float>) throws {
        let batchSize = try state.checkedBatchSize(for: configuration)
        guard batchSize > 0 else {
            runner.carriedBatchSize = 0
            return
        }
        let size = batchSize * dimensions.H
        var values: [Float] = []
        for layer in 0..<dimensions.L {
            for name in configuration.cell.states {
                guard let entry = state[name] else { continue }
                values += entry.values[layer * size..<(layer + 1) * size]
            }
        }
        try runner.carry(values, batchSize: batchSize)
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
