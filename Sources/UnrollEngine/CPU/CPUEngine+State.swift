import UnrollKernels
import UnrollModel

extension CPUEngine {
    /// The recurrent state after the last minibatch or token: each of the cell's states as `[B, H]`.
    public var state: NamedTensors<Float> {
        guard let carried, carriedBatchSize > 0 else { return NamedTensors() }
        return NamedTensors(
            configuration.cell.states.enumerated().map { index, name in
                var values = [Float](repeating: 0, count: carriedBatchSize * shape.hiddenSize)
                for row in 0..<carriedBatchSize {
                    for unit in 0..<shape.hiddenSize {
                        values[row * shape.hiddenSize + unit] =
                            carried.base[
                                carriedIndex(state: index, row: row, unit: unit, batchSize: carriedBatchSize)]
                    }
                }
                return .init(name: name, shape: [carriedBatchSize, shape.hiddenSize], values: values)
            })
    }

    /// Goes on from this state, or from zeros if it is empty.
    public func restoreState(_ state: NamedTensors<Float>) throws(EngineError) {
        let batchSize = try state.checkedBatchSize(for: configuration)
        carriedBatchSize = batchSize
        guard batchSize > 0 else { return }
        let carried: AlignedBuffer
        do throws(KernelError) {
            carried = try AlignedBuffer(
                count: shape.stateCount * shape.hiddenPanels * batchSize * PanelLayout.width)
        } catch {
            throw .kernels(error)
        }
        for (index, name) in configuration.cell.states.enumerated() {
            guard let values = state[name]?.values else { continue }
            for row in 0..<batchSize {
                for unit in 0..<shape.hiddenSize {
                    carried.base[carriedIndex(state: index, row: row, unit: unit, batchSize: batchSize)] =
                        values[row * shape.hiddenSize + unit]
                }
            }
        }
        self.carried = carried
    }

    private func carriedIndex(state: Int, row: Int, unit: Int, batchSize: Int) -> Int {
        let width = PanelLayout.width
        return ((state * shape.hiddenPanels + unit / width) * batchSize + row) * width + unit % width
    }
}
