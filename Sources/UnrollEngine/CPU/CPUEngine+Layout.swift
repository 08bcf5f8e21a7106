import CUnrollKernels
import UnrollKernels
import UnrollModel
import UnrollText

/// Checks before a minibatch is computed, and the memory that it is laid out in.
extension CPUEngine {
    /// Rounded weights have no gradient.
    func checkTraining() throws(EngineError) {
        guard words != .int8 else { throw .noTraining(.int8) }
    }

    func masks(_ randomness: StepRandomness?) throws -> StepMasks? {
        guard let randomness else { return nil }
        try randomness.regularization.check(for: configuration)
        return StepMasks(randomness, of: configuration)
    }

    /// Checks the minibatch and lays out memory for it; allocates only when it is larger than all before.
    func prepare(for minibatch: Minibatch, _ masks: StepMasks?) throws {
        hasPredictions = false
        // A step with dropout reads from elsewhere.
        if shape.readsLayerInput, masks != nil { tokenStep = nil }
        try minibatch.check(vocabularySize: vocabularySize)
        let (sequenceLength, batchSize) = (minibatch.sequenceLength, minibatch.batchSize)
        if minibatch.continuesState, carriedBatchSize > 0, carriedBatchSize != batchSize {
            throw EngineError.stateMismatch(
                expected: [shape.layerCount, batchSize, shape.hiddenSize],
                actual: [shape.layerCount, carriedBatchSize, shape.hiddenSize])
        }
        let needsDropout = (masks?.regularization.dropout ?? 0) > 0
        // Once there has been dropout there is room for it, so that evaluation in between changes nothing.
        let hasDropout = needsDropout || activations?.hasDropout == true
        if !isLaidOut(sequenceLength: sequenceLength, batchSize: batchSize, hasDropout: hasDropout) {
            try MemoryEstimate.check(
                configuration: configuration, vocabularySize: vocabularySize, sequenceLength: sequenceLength,
                batchSize: batchSize, precision: precision, optimizer: optimizer,
                regularization: masks?.regularization ?? Regularization())
        }
        try layOut(sequenceLength: sequenceLength, batchSize: batchSize, hasDropout: hasDropout)
        if droppedWeights == nil, (masks?.regularization.weightDrop ?? 0) > 0 {
            droppedWeights = try DroppedWeights(of: weights, words: words)
        }
    }

    private func isLaidOut(sequenceLength: Int, batchSize: Int, hasDropout: Bool) -> Bool {
        guard let activations else { return false }
        return activations.sequenceLength == sequenceLength && activations.batchSize == batchSize
            && activations.hasDropout == hasDropout
    }

    private func layOut(sequenceLength: Int, batchSize: Int, hasDropout: Bool) throws(KernelError) {
        if !isLaidOut(sequenceLength: sequenceLength, batchSize: batchSize, hasDropout: hasDropout) {
            let activations = try Activations(
                sequenceLength: sequenceLength, batchSize: batchSize, shape: shape,
                savedCount: program.savedCount, words: words, hasDropout: hasDropout, reusing: activations)
            for layer in 0..<shape.layerCount {
                for thread in 0..<pool.threadCount { fillSlots(layer: layer, thread: thread, activations) }
            }
            if shape.embeddingSize != nil {
                distinctTokens = DistinctTokens(
                    vocabularySize: vocabularySize, capacity: sequenceLength * batchSize)
            }
            self.activations = activations
            tokenStep = nil
        }
        let stateSize = carriedOffset(layer: shape.layerCount, state: 0, batchSize: batchSize)
        if carried.map({ $0.count < stateSize }) ?? true {
            let larger = try AlignedBuffer(count: stateSize)
            // The step may leave the state as it is.
            if let carried { larger.base.update(from: carried.base, count: carried.count) }
            carried = larger
        }
    }

    /// A thread's table of a layer's slots.
    private func slots(layer: Int, thread: Int) -> UnsafeMutablePointer<UnrollPanels> {
        slotTables + (layer * pool.threadCount + thread) * program.slots.count
    }

    private func fillSlots(layer: Int, thread: Int, _ activations: Activations) {
        let slots = slots(layer: layer, thread: thread)
        let tiles = scratch.base + thread * program.scratchCount * Activations.tileSize
        for (index, location) in program.slots.enumerated() {
            slots[index] = activations.address(
                of: location, layer: layer, parameters: weights.layers[layer], scratch: tiles)
        }
    }

    /// Lets a layer's formula, as a thread runs it, read the layer's input from there, if it does.
    func setLayerInput(_ input: UnrollPanels, layer: Int, thread: Int) {
        if let slot = program.layerInputSlot { slots(layer: layer, thread: thread)[slot] = input }
    }

    /// The cell's formula for a layer, as a thread runs it.
    func forwardProgram(layer: Int, thread: Int) -> UnrollProgram {
        UnrollProgram(
            instructions: forwardInstructions, instruction_count: Int32(program.forward.count),
            slot_count: Int32(program.slots.count), slots: slots(layer: layer, thread: thread))
    }

    /// The gradient of the cell's formula for a layer, as a thread runs it.
    func backwardProgram(layer: Int, thread: Int) -> UnrollProgram {
        UnrollProgram(
            instructions: backwardInstructions, instruction_count: Int32(program.backward.count),
            slot_count: Int32(program.slots.count), slots: slots(layer: layer, thread: thread))
    }

    func preparedGradients(
        for minibatch: Minibatch, _ masks: StepMasks?
    ) throws(KernelError) -> PackedParameters {
        try prepareParts(for: minibatch, masks)
        if let gradients { return gradients }
        let gradients = try PackedParameters(shape: shape)
        self.gradients = gradients
        return gradients
    }

    /// Makes the gradients of a batch's parts, if it is computed in parts.
    func prepareParts(for minibatch: Minibatch, _ masks: StepMasks?) throws(KernelError) {
        if partGradients.isEmpty, Pass.usesParts(shape, batchSize: minibatch.batchSize, masks) {
            partGradients = try PackedParameters.several(Pass.partCount, shape: shape)
        }
    }
}
