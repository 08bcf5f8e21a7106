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

    /// Goes on from this state, or from zeros if it is empty.
    public func restoreState(_ state: NamedTensors<Float>) throws(EngineError) {
        let batchSize = try state.checkedBatchSize(for: configuration)
        carriedBatchSize = batchSize
        guard batchSize > 0 else { return }
        let carried: AlignedBuffer
        do throws(KernelError) {
            carried = try AlignedBuffer(
                count: carriedOffset(layer: shape.layerCount, state: 0, batchSize: batchSize))
        } catch {
            throw .kernels(error)
        }
        for (index, name) in configuration.cell.states.enumerated() {
            guard let values = state[name]?.values else { continue }
            var remaining = values[...]
            forEachCarried(state: index, in: carried.base, batchSize: batchSize) {
                $0.pointee = remaining.removeFirst()
            }
        }
        self.carried = carried
    }

    /// The same as a value, a row of zeros before the first use: cheaper to copy, keep and come back to.
    public var recurrentState: RecurrentState {
        var state = RecurrentState(zerosFor: configuration, batchSize: carriedBatchSize)
        copyState(to: &state)
        return state
    }

    /// Goes on from this state.
    ///
    /// - Throws: `EngineError` when it is of another network.
    public func restoreState(_ state: RecurrentState) throws(EngineError) {
        guard state.fits(configuration) else {
            throw .stateMismatch(
                expected: [shape.layerCount, state.batchSize, shape.hiddenSize], actual: state.shape)
        }
        if carried.map({ $0.count < state.numbers.count }) ?? true {
            do throws(KernelError) {
                carried = try AlignedBuffer(count: state.numbers.count)
            } catch {
                throw .kernels(error)
            }
        }
        state.numbers.withUnsafeBufferPointer {
            if let carried, let numbers = $0.baseAddress {
                carried.base.update(from: numbers, count: $0.count)
            }
        }
        carriedBatchSize = state.batchSize
    }

    /// Writes the state into a value of this network's that may have been used before, without allocating for it.
    package func copyState(to state: inout RecurrentState) {
        guard carriedBatchSize > 0, let carried else {
            state = RecurrentState(zerosFor: configuration)
            return
        }
        if state.batchSize != carriedBatchSize {
            state = RecurrentState(zerosFor: configuration, batchSize: carriedBatchSize)
        }
        state.numbers.withUnsafeMutableBufferPointer {
            $0.baseAddress?.update(from: carried.base, count: $0.count)
        }
    }

    /// A copy of what goes on in the optimizer beside the parameters.
    public var optimizerState: OptimizerState {
        slots.state(shapes: configuration.parameterShapes(vocabularySize: vocabularySize))
    }

    /// Goes on from this state of an optimizer.
    public func restoreOptimizerState(_ state: OptimizerState) throws(EngineError) {
        try slots.restore(state, shapes: configuration.parameterShapes(vocabularySize: vocabularySize))
    }

    /// Exchanges the parameters and their running average; nothing without one.
    public func exchangeParametersWithAverage() {
        guard slots.exchangeAverage(with: weights) else { return }
        derived.refresh(kernels: kernels, thread: 0, threadCount: 1)
    }

    /// Where a state of a layer begins among the carried ones, `[L][states][P][B][32]`.
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
