import UnrollKernels
import UnrollModel

extension CPUEngine {
    /// The recurrent state after the last minibatch or token: each of the cell's states as `[L, B, H]`.
    public var state: NamedTensors<Float> {
        guard let carried, carriedBatchSize > 0 else { return NamedTensors() }
        return NamedTensors(
            configuration.cell.states.enumerated().map { index, name in
                var values: [Float] = []
                forEachCarried(state: index, in: carried.base, batchSize: carriedBatchSize) {
                    values.append($0.pointee)
                }
                return .init(
                    name: name, shape: [shape.layerCount, carriedBatchSize, shape.hiddenSize], values: values)
            })
    }

    /// Continues from this state, or from zeros if it is empty.
    public func restoreState(_ state: NamedTensors<Float>) throws {
        let batchSize = try state.checkedBatchSize(for: configuration)
        carriedBatchSize = batchSize
        guard batchSize > 0 else { return }
        let carried = try AlignedBuffer(
            count: carriedOffset(layer: shape.layerCount, state: 0, batchSize: batchSize))
        for (index, name) in configuration.cell.states.enumerated() {
            guard let values = state[name]?.values else { continue }
            var remaining = values[...]
            forEachCarried(state: index, in: carried.base, batchSize: batchSize) {
                $0.pointee = remaining.removeFirst()
            }
        }
        self.carried = carried
    }

    /// Continues from this state.
    public func restoreState(_ state: RecurrentState) throws {
        try state.check(for: configuration)
        if carried.map({ $0.count < state.numbers.count }) ?? true {
            carried = try AlignedBuffer(count: state.numbers.count)
        }
        state.numbers.withUnsafeBufferPointer {
            if let carried, let numbers = $0.baseAddress {
                carried.base.update(from: numbers, count: $0.count)
            }
        }
        carriedBatchSize = state.batchSize
    }

    /// Writes the state into a value, which may have been used before and is then overwritten without allocating.
    public func copyState(to state: inout RecurrentState) {
        guard carriedBatchSize > 0, let carried else {
            state = RecurrentState(zerosFor: configuration)
            return
        }
        if state.batchSize != carriedBatchSize || !state.fits(configuration) {
            state = RecurrentState(zerosFor: configuration, batchSize: carriedBatchSize)
        }
        state.numbers.withUnsafeMutableBufferPointer {
            $0.baseAddress?.update(from: carried.base, count: $0.count)
        }
    }

    /// A copy of what the optimizer keeps beside the parameters.
    public var optimizerState: OptimizerState {
        slots.state(shapes: configuration.parameterShapes(vocabularySize: vocabularySize))
    }

    /// Continues from this state of an optimizer.
    public func restoreOptimizerState(_ state: OptimizerState) throws {
        try slots.restore(state, shapes: configuration.parameterShapes(vocabularySize: vocabularySize))
    }

    /// Exchanges the parameters and their running average; nothing without one.
    public func exchangeParametersWithAverage() {
        guard slots.exchangeAverage(with: weights) else { return }
        derived.refresh(kernels: kernels, thread: 0, threadCount: 1)
    }

    /// Where a state of a layer starts among the carried ones, `[L][states][P][B][32]`.
    func carriedOffset(layer: Int, state: Int, batchSize: Int) -> Int {
        (layer * shape.stateCount + state) * shape.hiddenPanels * batchSize * PanelLayout.width
    }

    /// Visits the numbers of a state in the order of `[L, B, H]`.
    private func forEachCarried(
        state: Int, in base: UnsafeMutablePointer<Float>, batchSize: Int,
        _ body: (UnsafeMutablePointer<Float>) -> Void
    ) {
        let width = PanelLayout.width
        for layer in 0..<shape.layerCount {
            let tiles = base + carriedOffset(layer: layer, state: state, batchSize: batchSize)
            for row in 0..<batchSize {
                for unit in 0..<shape.hiddenSize {
                    body(tiles + (unit / width * batchSize + row) * width + unit % width)
                }
            }
        }
    }
}
