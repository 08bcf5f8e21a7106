import CUnrollKernels
import UnrollBase
import UnrollKernels

/// What a training step leaves out at random. Every thread draws the masks of its own share.
extension Pass {
    // MARK: Outputs on their way up

    /// Whether a share of the layers' outputs is left out on their way up.
    var dropsOutput: Bool { (masks?.regularization.dropout ?? 0) > 0 }

    /// Whether the gradient of the logits is multiplied with the decoder's weights inside the recurrence.
    ///
    /// With dropout the product is masked before it goes there.
    var appendsDecoder: Bool { shape.hasNarrowDecoder && !dropsOutput }

    /// What a layer gives to the next one, or to the decoder, after step `t` at `t`.
    func output(of layer: Int) -> UnrollOperand {
        let memory = layout.layers[layer]
        if dropsOutput, let dropped = memory.droppedOutput { return dropped }
        return UnrollOperand(
            values: memory.output.values.advanced(steps: 1),
            unit_words: memory.output.unit_words.advanced(steps: 1),
            row_words: memory.output.row_words.advanced(steps: 1))
    }

    /// Leaves out a share of a layer's output, if there is dropout.
    func dropOutput(of layer: Int, panels: Range<Int>, rows: Range<Int>) {
        guard let masks, let mask = masks.output(layer: layer) else { return }
        guard var dropped = layout.layers[layer].droppedOutput else { return }
        var kernelMask = UnrollMask(mask)
        let output = layout.layers[layer].output.values.advanced(steps: 1)
        for t in 0..<sequenceLength {
            for panel in panels {
                kernels.pointee.mask(
                    &kernelMask, Int32(masks.outputTime(t)), Int32(panel),
                    Int32(firstRow + rows.lowerBound), Int32(rows.count),
                    output.advanced(steps: t, panels: panel, rows: rows.lowerBound).base,
                    dropped.values.advanced(steps: t, panels: panel, rows: rows.lowerBound).base)
            }
            kernels.pointee.pack(&dropped, Int32(t), UnrollRange(panels), UnrollRange(rows))
        }
    }

    /// Turns the gradient of what a layer gives up into that of its output.
    func maskOutputGradient(of layer: Int, panels: Range<Int>) {
        guard let masks, let mask = masks.output(layer: layer) else { return }
        var kernelMask = UnrollMask(mask)
        for t in 0..<sequenceLength {
            for panel in panels {
                let gradient: UnsafeMutablePointer<Float> = layout.outputGradient.advanced(
                    steps: t, panels: panel
                ).base
                kernels.pointee.mask(
                    &kernelMask, Int32(masks.outputTime(t)), Int32(panel), Int32(firstRow),
                    Int32(batchSize), gradient, gradient)
            }
        }
    }

    // MARK: Tokens' vectors

    /// Leaves out the vector of a token, or its gradient, or scales it up; 32 numbers.
    func maskVector(of token: Int32, _ vector: UnsafeMutablePointer<Float>) {
        guard let mask = masks?.embedding else { return }
        let scale = mask.random.keeps(time: 0, row: Int(token), unit: 0) ? mask.scale : 0
        for unit in 0..<PanelLayout.width { vector[unit] *= scale }
    }

    // MARK: Recurrent weights

    /// The recurrent weights of a layer as products read them: those of this step, if it leaves some out.
    func recurrentWeights(of layer: Int) -> DerivedWeights.Matrix {
        if masks?.recurrentWeights(layer: layer) != nil, let dropped = engine.droppedWeights {
            return dropped.layers[layer]
        }
        return engine.derived.layout.layers[layer].recurrent
    }

    /// Makes the recurrent weights of this step, if it leaves some out.
    func dropWeights(_ thread: Int) {
        guard let masks, masks.regularization.weightDrop > 0, let dropped = engine.droppedWeights else {
            return
        }
        for layer in 0..<shape.layerCount {
            guard let mask = masks.recurrentWeights(layer: layer) else { continue }
            dropped.refresh(
                layer, mask: UnrollMask(mask), kernels: kernels, thread: thread, threadCount: pool.threadCount
            )
        }
        pool.barrier()
    }

    /// Leaves out the gradients of the recurrent weights that were left out: a share of the previous output's units.
    func maskRecurrentGradient(of layer: Int, _ gradient: UnsafeMutablePointer<Float>, units: Range<Int>) {
        guard let mask = masks?.recurrentWeights(layer: layer) else { return }
        var kernelMask = UnrollMask(mask)
        let width = PanelLayout.width
        for gatePanel in 0..<shape.gatePanels {
            let (gate, panel) = gatePanel.quotientAndRemainder(dividingBy: shape.hiddenPanels)
            let rows = gradient + (gatePanel * shape.hiddenPanels * width + units.lowerBound) * width
            kernels.pointee.mask(
                &kernelMask, Int32(gate), Int32(panel), Int32(units.lowerBound), Int32(units.count), rows,
                rows)
        }
    }

    // MARK: Changes of state

    /// Decides which units' states change, if there is zoneout; where nothing is random, all do by the expected share.
    func drawStateMasks(of layer: Int, panels: Range<Int>, rows: Range<Int>) {
        for (state, shares) in layout.layers[layer].masks.enumerated() {
            guard let shares else { continue }
            let expected = 1 - shape.zoneout[state]
            let random = masks?.newState(layer: layer, state: state)
            for t in 0..<sequenceLength {
                for panel in panels {
                    let share: UnsafeMutablePointer<Float> = shares.advanced(
                        steps: t, panels: panel, rows: rows.lowerBound
                    ).base
                    if let random {
                        var mask = UnrollMask(StepMasks.Mask(random: random, scale: 1))
                        kernels.pointee.mask(
                            &mask, Int32(t), Int32(panel), Int32(firstRow + rows.lowerBound),
                            Int32(rows.count), nil, share)
                    } else {
                        share.update(repeating: expected, count: rows.count * PanelLayout.width)
                    }
                }
            }
        }
    }
}

extension UnrollMask {
    init(_ mask: StepMasks.Mask) {
        self.init(
            key: (mask.random.key.x, mask.random.key.y), threshold: mask.random.threshold, scale: mask.scale)
    }
}

/// The recurrent weights of a step that leaves some of them out.
final class DroppedWeights {
    /// The recurrent weights of each layer, as products read them.
    let layers: [DerivedWeights.Matrix]

    private let parameters: PackedParameters
    private let buffer: AlignedBuffer
    private let words: WordFormat

    /// Makes room for those of `parameters`, in words of a format.
    init(of parameters: PackedParameters, words: WordFormat) throws(KernelError) {
        let shape = parameters.shape
        let size = shape.hiddenPanels * shape.gatePanels * PanelLayout.width * PanelLayout.width
        func layOut(_ buffer: inout BufferDivision) -> [DerivedWeights.Matrix] {
            parameters.layers.map { _ in
                DerivedWeights.Matrix(
                    buffer.take(size), inputPanels: shape.hiddenPanels, outputPanels: shape.gatePanels,
                    words: words, buffer: &buffer)
            }
        }
        buffer = try AlignedBuffer(count: BufferDivision.count { _ = layOut(&$0) })
        var division = BufferDivision(of: buffer.base)
        layers = layOut(&division)
        self.parameters = parameters
        self.words = words
    }

    /// Masks a layer's weights, for the share of a thread out of a number of threads.
    func refresh(
        _ layer: Int, mask: UnrollMask, kernels: UnsafePointer<UnrollKernels>, thread: Int, threadCount: Int
    ) {
        var mask = mask
        let (matrix, shape) = (layers[layer], parameters.shape)
        let (width, weights) = (PanelLayout.width, parameters.layers[layer].recurrent)
        for input in stride(from: thread, to: matrix.inputPanels, by: threadCount) {
            for output in 0..<matrix.outputPanels {
                let block = (output * matrix.inputPanels + input) * width * width
                kernels.pointee.mask(
                    &mask, Int32(output / shape.hiddenPanels), Int32(output % shape.hiddenPanels),
                    Int32(input * width), Int32(width), weights + block, matrix.master + block)
            }
        }
        matrix.refresh(words: words, kernels: kernels, thread: thread, threadCount: threadCount)
    }
}
