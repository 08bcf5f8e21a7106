import CUnrollKernels
import UnrollKernels

/// A step of a small model with a large batch, whose weights fit into the L1 cache: the batch is cut into parts that go
/// through the whole step one by one, in the L2 cache, each with gradients of its own.
///
/// The number of parts is fixed and their gradients are added up in order, so that no bit depends on the threads.
extension Pass {
    /// Parts of a batch.
    static let partCount = 16

    /// Whether a model of this shape is trained in parts of such a batch, under such masks.
    static func usesParts(_ shape: ModelShape, batchSize: Int, _ masks: StepMasks?) -> Bool {
        masks?.isDense != true && shape.hiddenSize <= 64 && shape.layerCount == 1
            && shape.embeddingSize == nil
            && shape.hasNarrowDecoder && batchSize >= 8 * partCount
    }

    /// Whether this pass goes through the parts of the batch one by one.
    var usesParts: Bool { Self.usesParts(shape, batchSize: batchSize, masks) }

    /// From the states before the first step to the gradients of all parameters.
    func runParts(_ thread: Int, gradients parts: [PackedParameters]) {
        for index in pool.share(of: parts.count, thread: thread) {
            let rows = WorkerPool.share(of: batchSize, granularity: 8, part: index, of: parts.count)
            runPart(rows: rows, thread, gradients: parts[index])
        }
        pool.barrier()
        addUp(parts, thread)
        pool.barrier()
    }

    private func runPart(rows: Range<Int>, _ thread: Int, gradients: PackedParameters) {
        let panels = 0..<shape.hiddenPanels
        let memory = layout.layers[0]
        startStates(of: 0, panels: panels, rows: rows)
        runForward(0, panels: panels, rows: rows, thread, meetsAfterSteps: false)
        for t in 0..<sequenceLength { crossEntropy(step: t, rows: rows) }
        runBackward(0, panels: panels, rows: rows, thread, meetsAfterSteps: false)

        let units = 0..<shape.hiddenSize
        let wordRow = rows.lowerBound / engine.words.units
        weightGradient(
            of: memory.output.row_words.advanced(rows: wordRow),
            memory.gateGradient.row_words.advanced(rows: wordRow), panels: shape.gatePanels,
            to: gradients.layers[0].recurrent, weightPanels: shape.hiddenPanels, units: units,
            rows: rows.count)
        weightGradient(
            of: memory.output.row_words.advanced(steps: 1, rows: wordRow),
            layout.logits.row_words.advanced(rows: wordRow), panels: shape.vocabularyPanels,
            to: gradients.decoder, weightPanels: shape.hiddenPanels, units: units, rows: rows.count)
        for panel in 0..<shape.gatePanels {
            tokenGradient(gatePanel: panel, rows: rows, to: gradients)
            biasGradients(of: 0, gatePanel: panel, rows: rows, to: gradients)
        }
        for panel in panels { vectorGradients(of: 0, panel: panel, rows: rows, to: gradients) }
        for panel in 0..<shape.vocabularyPanels {
            decoderBiasGradient(panel: panel, rows: rows, to: gradients)
        }
    }

    private func addUp(_ parts: [PackedParameters], _ thread: Int) {
        guard let gradients else { return }
        for index in engine.blocks(of: thread) {
            let block = gradients.blocks[index]
            let sum = gradients.buffer.base + block.offset
            sum.update(from: parts[0].buffer.base + block.offset, count: block.count)
            for part in parts.dropFirst() {
                kernels.pointee.combine(
                    UNROLL_COMBINE_ADD, sum, sum, false, part.buffer.base + block.offset, false, block.count)
            }
        }
    }
}
