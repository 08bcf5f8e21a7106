import CUnrollKernels
import UnrollKernels

/// One run over a minibatch, as phases that every thread calls with its number.
///
/// Between two phases of which one reads what the other writes, all threads meet at a barrier, which is the last thing
/// that a phase does.
///
/// | phase | a thread's share |
/// |---|---|
/// | drop weights | panels of the recurrent weights' inputs |
/// | embed | panels of the embedding; gate panels |
/// | forward, for each layer | gate panels of the input's product; then hidden panels, or rows; in int8 rows |
/// | cross-entropy | rows of all steps; token panels of a wide decoder |
/// | backward, for each layer | hidden panels, or rows; then hidden panels of the layer below |
/// | weight gradients | units of the left operand; gate panels; token panels |
/// | embedding gradient | panels of the embedding |
/// | sum of squares | blocks of parameters |
/// | update | blocks of parameters; then panels of derived weights |
struct Pass {
    // Strong, so that no thread counts references while it works: the engine lets go of the pass after each run.
    let engine: CPUEngine
    let activations: Activations
    let carried: UnsafeMutablePointer<Float>
    let gradients: PackedParameters?
    /// What is left out at random; nil where nothing is.
    let masks: StepMasks?
    let inputs: UnsafePointer<Int32>
    let targets: UnsafePointer<Int32>
    let continuesState: Bool
    /// Tokens of the whole minibatch, of which this may be a shard: the gradient is of the mean over them.
    let wholeTokenCount: Int
    /// The place of row 0 in the whole minibatch, by which random masks are drawn.
    let firstRow: Int

    var shape: ModelShape { engine.shape }
    var kernels: UnsafePointer<UnrollKernels> { engine.kernels }
    var pool: WorkerPool { engine.pool }
    var layout: Activations.Layout { activations.layout }
    var sequenceLength: Int { activations.sequenceLength }
    var batchSize: Int { activations.batchSize }

    /// Whether threads share out the batch's rows, each running through time alone, or the panels of hidden units,
    /// meeting after each step.
    ///
    /// By rows when the recurrent weights fit into every core's cache and there is a whole tile of rows for each.
    private var splitsRows: Bool {
        shape.hiddenSize <= 256 && batchSize >= 8 * pool.threadCount
    }

    /// A thread's share of the recurrence.
    private func recurrenceShare(_ thread: Int) -> (panels: Range<Int>, rows: Range<Int>) {
        splitsRows
            ? (0..<shape.hiddenPanels, pool.share(of: batchSize, granularity: 8, thread: thread))
            : (pool.share(of: shape.hiddenPanels, thread: thread), 0..<batchSize)
    }

    // MARK: Forward

    /// Runs all layers through time.
    func forward(_ thread: Int) {
        dropWeights(thread)
        embed(thread)
        let (panels, rows) = recurrenceShare(thread)
        for layer in 0..<shape.layerCount {
            startStates(of: layer, panels: panels, rows: rows)
            if quantizesRows { quantizeOutput(of: layer, step: 0, thread) }
            drawStateMasks(of: layer, panels: panels, rows: rows)
            if layer > 0 { projectInput(of: layer, thread) } else { gatherInputs(panels: panels, rows: rows) }
            pool.barrier()
            runForward(layer, panels: panels, rows: rows, thread, meetsAfterSteps: !splitsRows)
            dropOutput(of: layer, panels: panels, rows: rows)
            if splitsRows || dropsOutput { pool.barrier() }
        }
    }

    /// Computes what the output of the layer below gives to the gates, in the place of their gradients.
    func projectInput(of layer: Int, _ thread: Int) {
        for gate in 0..<shape.gateCount {
            guard var product = inputProduct(of: layer, gate: gate) else { return }
            kernels.pointee.project(
                &product, UnrollRange(pool.share(of: shape.hiddenPanels, thread: thread)))
        }
    }

    /// What the input of a layer gives to a gate, as a product; nil for one-hot tokens.
    ///
    /// Of the first layer, it has a row for each distinct token and no bias, which is added when the row is looked up.
    func inputProduct(of layer: Int, gate: Int) -> UnrollProjection? {
        guard let input = engine.derived.layout.layers[layer].input else { return nil }
        let first = gate * shape.hiddenPanels
        if layer == 0, let memory = layout.embedding, let distinct = engine.distinctTokens {
            return projection(
                memory.vectors.unit_words, units: shape.embeddingSize ?? 0, by: input.forward,
                weightPanels: shape.embeddingPanels, first: first,
                to: memory.gates.values.advanced(panels: first), steps: 1, rows: distinct.count)
        }
        return projection(
            output(of: layer - 1).unit_words, units: shape.hiddenSize,
            by: input.forward, weightPanels: shape.hiddenPanels, first: first,
            bias: engine.derived.layout.layers[layer].inputBias,
            to: layout.layers[layer].gateGradient.values.advanced(panels: shape.inputPanel(ofGate: gate)))
    }

    /// Whether the words of a row can be made only when all of its units are there, as in int8.
    var quantizesRows: Bool { engine.words == .int8 }

    /// Makes the words of a layer's output before a step in int8, of which every thread has its share of panels, or of
    /// rows.
    private func quantizeOutput(of layer: Int, step: Int, _ thread: Int) {
        var output = layout.layers[layer].output
        let rows: Range<Int>
        if splitsRows {
            rows = recurrenceShare(thread).rows
        } else {
            if step == 0 { pool.barrier() }
            rows = pool.share(of: batchSize, thread: thread)
        }
        kernels.pointee.pack(
            &output, Int32(step), UnrollRange(0..<shape.hiddenPanels), UnrollRange(rows))
        if !splitsRows { pool.barrier() }
    }

    /// One layer's steps for a share of panels and rows.
    func runForward(
        _ index: Int, panels: Range<Int>, rows: Range<Int>, _ thread: Int, meetsAfterSteps: Bool
    ) {
        var layer = recurrence(index)
        setLayerInput(of: index, thread)
        var program = engine.forwardProgram(layer: index, thread: thread)
        let tokens = engine.distinctTokens.map { UnsafePointer($0.rows) } ?? inputs
        for t in 0..<sequenceLength {
            kernels.pointee.forward_step(
                &layer, &program, Int32(t), tokens + t * batchSize, UnrollRange(panels), UnrollRange(rows))
            if meetsAfterSteps { pool.barrier() }
            if quantizesRows { quantizeOutput(of: index, step: t + 1, thread) }
        }
    }

    /// Lets a layer's formula read what the layer below gives up, if it reads its input at all.
    func setLayerInput(of layer: Int, _ thread: Int) {
        guard shape.readsLayerInput, layer > 0 else { return }
        engine.setLayerInput(output(of: layer - 1).values, layer: layer, thread: thread)
    }

    /// Sets the states before the first step: those carried on, or zero.
    func startStates(of layer: Int, panels: Range<Int>, rows: Range<Int>) {
        forEachStateTile(of: layer, panels: panels, rows: rows) { state, carried, count in
            if continuesState {
                state.update(from: carried, count: count)
            } else {
                state.update(repeating: 0, count: count)
            }
        }
        guard !quantizesRows else { return }
        var output = layout.layers[layer].output
        kernels.pointee.pack(&output, 0, UnrollRange(panels), UnrollRange(rows))
    }

    /// Keeps the states after the last step for the next minibatch.
    func carryStates(_ thread: Int) {
        let (panels, rows) = recurrenceShare(thread)
        for layer in 0..<shape.layerCount {
            forEachStateTile(of: layer, panels: panels, rows: rows, step: sequenceLength) {
                state, carried, count in
                carried.update(from: state, count: count)
            }
        }
    }

    private func forEachStateTile(
        of layer: Int, panels: Range<Int>, rows: Range<Int>, step: Int = 0,
        _ body: (_ state: UnsafeMutablePointer<Float>, _ carried: UnsafeMutablePointer<Float>, _ count: Int)
            -> Void
    ) {
        let width = PanelLayout.width
        for (index, state) in layout.layers[layer].states.enumerated() {
            let carried = carried + engine.carriedOffset(layer: layer, state: index, batchSize: batchSize)
            for panel in panels {
                body(
                    state.advanced(steps: step, panels: panel, rows: rows.lowerBound).base,
                    carried + (panel * batchSize + rows.lowerBound) * width, rows.count * width)
            }
        }
    }

    // MARK: Backward

    /// Runs all layers back through time.
    func backward(_ thread: Int) {
        let (panels, rows) = recurrenceShare(thread)
        for layer in (0..<shape.layerCount).reversed() {
            runBackward(layer, panels: panels, rows: rows, thread, meetsAfterSteps: !splitsRows)
            if splitsRows { pool.barrier() }
            if layer > 0 {
                projectInputGradient(of: layer, thread)
                pool.barrier()
            }
        }
    }

    /// One layer's steps, from the last to the first, for a share of panels and rows.
    func runBackward(
        _ index: Int, panels: Range<Int>, rows: Range<Int>, _ thread: Int, meetsAfterSteps: Bool
    ) {
        clearCarriedGradients(panels: panels, rows: rows)
        var layer = recurrence(index)
        var program = engine.backwardProgram(layer: index, thread: thread)
        for t in stride(from: sequenceLength - 1, through: 0, by: -1) {
            kernels.pointee.backward_step(
                &layer, &program, Int32(t), t == sequenceLength - 1, UnrollRange(panels), UnrollRange(rows))
            if meetsAfterSteps { pool.barrier() }
        }
    }

    private func clearCarriedGradients(panels: Range<Int>, rows: Range<Int>) {
        for gradient in layout.carriedGradients {
            for panel in panels {
                gradient.advanced(panels: panel, rows: rows.lowerBound).base.update(
                    repeating: 0, count: rows.count * PanelLayout.width)
            }
        }
    }

    /// Computes the gradient of the output of the layer below.
    private func projectInputGradient(of layer: Int, _ thread: Int) {
        guard let input = engine.derived.layout.layers[layer].input else { return }
        let panels = pool.share(of: shape.hiddenPanels, thread: thread)
        projectGates(
            layout.layers[layer].gateGradient.unit_words, inputPanel: shape.inputPanel(ofGate:),
            by: input, adds: shape.readsLayerInput, to: layout.outputGradient, panels: panels)
        maskOutputGradient(of: layer - 1, panels: panels)
    }

    // MARK: Kernels' arguments

    /// A layer as the kernels see it.
    func recurrence(_ index: Int) -> UnrollRecurrence {
        let (derived, memory) = (engine.derived.layout, layout.layers[index])
        let isTop = index == shape.layerCount - 1
        let isAppended = isTop && appendsDecoder
        let recurrent = recurrentWeights(of: index)
        let readsTokens = index == 0
        let input = layout.embedding.map { $0.gates.values.base } ?? engine.weights.layers[index].input
        var absent = layout.outputGradient
        absent.base = nil
        return UnrollRecurrence(
            hidden: Int32(shape.hiddenSize), panels: Int32(shape.hiddenPanels), gates: Int32(shape.gateCount),
            input: readsTokens ? input : nil,
            input_rows: Int32(
                layout.embedding.map { $0.gates.values.panel / PanelLayout.width } ?? shape.vocabularySize),
            bias: derived.layers[index].bias, input_bias: engine.weights.layers[index].inputBias,
            recurrent: recurrent.forward, transposed: recurrent.transposed, output: memory.output,
            gate_gradient: memory.gateGradient, output_gradient: isAppended ? absent : layout.outputGradient,
            above: layout.logits.unit_words, above_units: isAppended ? Int32(shape.vocabularySize) : 0,
            above_weights: derived.decoder.transposed, gate_slots: engine.gateSlots,
            gate_functions: engine.gateFunctions, gate_input_slots: engine.gateInputSlots,
            gate_input_panels: engine.gateInputPanels,
            output_gradient_slot: engine.program.outputGradientSlot,
            direct_gradient_slot: engine.program.directGradientSlot,
            fused_derivative: engine.program.fusedDerivative)
    }
}

extension UnrollRange {
    init(_ range: Range<Int>) {
        self.init(begin: Int32(range.lowerBound), end: Int32(range.upperBound))
    }
}
