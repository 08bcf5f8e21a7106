import CUnrollKernels
import UnrollKernels

/// One run over a minibatch, as phases that every thread calls with its number.
///
/// | phase | a thread's share | then |
/// |---|---|---|
/// | forward | hidden panels, or rows | barrier after each step, or at the end |
/// | cross-entropy | rows of all steps | barrier |
/// | backward | hidden panels, or rows | barrier after each step, or at the end |
/// | weight gradients | units of the left operand; gate panels; token panels | barrier |
/// | sum of squares | blocks of parameters | barrier |
/// | update | blocks of parameters; then hidden panels | barrier between and after |
struct Pass {
    // Strong, so that no thread counts references while it works: the engine lets go of the pass after each run.
    private let engine: CPUEngine
    private let activations: Activations
    private let carried: UnsafeMutablePointer<Float>
    private let gradients: PackedParameters?
    private let inputs: UnsafePointer<Int32>
    private let targets: UnsafePointer<Int32>
    private let continuesState: Bool
    private let layer: UnrollRecurrence

    private var shape: ModelShape { engine.shape }
    private var kernels: UnrollKernels { engine.kernels }
    private var pool: WorkerPool { engine.pool }
    private var timeSteps: Int { activations.timeSteps }
    private var batchSize: Int { activations.batchSize }

    init(
        engine: CPUEngine, activations: Activations, carried: UnsafeMutablePointer<Float>,
        gradients: PackedParameters?, inputs: UnsafePointer<Int32>, targets: UnsafePointer<Int32>,
        continuesState: Bool
    ) {
        self.engine = engine
        self.activations = activations
        self.carried = carried
        self.gradients = gradients
        self.inputs = inputs
        self.targets = targets
        self.continuesState = continuesState
        let shape = engine.shape
        layer = UnrollRecurrence(
            hidden: Int32(shape.hiddenSize),
            panels: Int32(shape.hiddenPanels), gates: Int32(shape.gateCount),
            vocabulary: Int32(shape.vocabularySize), input: engine.weights.input, bias: engine.derived.bias,
            input_bias: engine.weights.inputBias,
            recurrent: engine.weights.recurrent, transposed: engine.derived.transposed,
            output: activations.states[0], gate_gradient: activations.gateGradient,
            logit_gradient: activations.logits, gate_slots: engine.gateSlots,
            gate_functions: engine.gateFunctions, gate_input_slots: engine.gateInputSlots,
            output_gradient_slot: engine.program.outputGradientSlot,
            direct_gradient_slot: engine.program.directGradientSlot,
            fused_derivative: engine.program.fusedDerivative)
    }

    /// Whether threads share out the batch's rows, each running through time alone, or the panels of hidden units,
    /// meeting after each step.
    ///
    /// By rows when the recurrent weights fit into every core's cache and there is a whole tile of rows for each.
    private var splitsRows: Bool {
        shape.hiddenSize <= 256 && batchSize >= 8 * pool.threadCount
    }

    /// A thread's share of the recurrence.
    private func recurrenceShare(_ thread: Int) -> (panels: UnrollRange, rows: UnrollRange) {
        let panels = 0..<shape.hiddenPanels
        let rows = 0..<batchSize
        return splitsRows
            ? (UnrollRange(panels), UnrollRange(pool.share(of: batchSize, granularity: 8, thread: thread)))
            : (UnrollRange(pool.share(of: shape.hiddenPanels, thread: thread)), UnrollRange(rows))
    }

    private func program(
        _ instructions: UnsafePointer<UnrollInstruction>, count: Int, thread: Int
    ) -> UnrollProgram {
        let slotCount = engine.program.slots.count
        return UnrollProgram(
            instructions: instructions, instruction_count: Int32(count), slot_count: Int32(slotCount),
            slots: engine.slotTables + thread * slotCount)
    }

    // MARK: Forward

    /// Runs the recurrent layer through time.
    func forward(_ thread: Int) {
        let (panels, rows) = recurrenceShare(thread)
        startStates(panels: panels, rows: rows)
        if !splitsRows { pool.barrier() }
        var layer = layer
        var program = program(
            engine.forwardInstructions, count: engine.program.forward.count, thread: thread)
        for t in 0..<timeSteps {
            kernels.forward_step(&layer, &program, Int32(t), inputs + t * batchSize, panels, rows)
            if !splitsRows { pool.barrier() }
        }
        if splitsRows { pool.barrier() }
    }

    /// Sets the states before the first step: those carried on, or zero.
    private func startStates(panels: UnrollRange, rows: UnrollRange) {
        forEachStateTile(panels: panels, rows: rows) { state, carried, count in
            if continuesState {
                state.update(from: carried, count: count)
            } else {
                state.update(repeating: 0, count: count)
            }
        }
    }

    /// Keeps the states after the last step for the next minibatch.
    func carryStates(_ thread: Int) {
        let (panels, rows) = recurrenceShare(thread)
        forEachStateTile(panels: panels, rows: rows, step: timeSteps) { state, carried, count in
            carried.update(from: state, count: count)
        }
    }

    private func forEachStateTile(
        panels: UnrollRange, rows: UnrollRange, step: Int = 0,
        _ body: (_ state: UnsafeMutablePointer<Float>, _ carried: UnsafeMutablePointer<Float>, _ count: Int)
            -> Void
    ) {
        let width = PanelLayout.width
        for (index, state) in activations.states.enumerated() {
            for panel in Int(panels.begin)..<Int(panels.end) {
                let tile = panel * batchSize * width + Int(rows.begin) * width
                body(
                    state.base + step * state.time + tile,
                    carried + index * shape.hiddenPanels * batchSize * width + tile,
                    Int(rows.end - rows.begin) * width)
            }
        }
    }

    // MARK: Decoder

    private func decoder(gradientScale: Float) -> UnrollDecoder {
        var output = activations.states[0]
        output.base += output.time
        return UnrollDecoder(
            batch: Int32(batchSize), hidden: Int32(shape.hiddenSize), vocabulary: Int32(shape.vocabularySize),
            weight: engine.weights.decoder,
            weight_panel: shape.hiddenPanels * PanelLayout.width * PanelLayout.width,
            bias: engine.derived.logitBias, input: output, logits: activations.logits, targets: targets,
            losses: activations.losses, gradient_scale: gradientScale)
    }

    /// Computes logits and losses and, if there are gradients to fill, the logits' gradients.
    func crossEntropy(_ thread: Int) {
        var decoder = decoder(gradientScale: gradients == nil ? 0 : 1 / Float(timeSteps * batchSize))
        let tilesPerStep = (batchSize + 7) / 8
        for tile in pool.share(of: timeSteps * tilesPerStep, thread: thread) {
            let (t, row) = (tile / tilesPerStep, tile % tilesPerStep * 8)
            kernels.cross_entropy(&decoder, Int32(t), UnrollRange(row..<min(row + 8, batchSize)))
        }
        pool.barrier()
    }

    /// Computes the logits of the last step.
    func decode(_ thread: Int) {
        guard thread == 0 else { return }
        var decoder = decoder(gradientScale: 0)
        kernels.decode(&decoder, Int32(timeSteps - 1), UnrollRange(0..<batchSize))
    }

    /// The mean loss, added up in one order whatever the number of threads.
    func meanLoss() -> Double {
        var total = 0.0
        for token in 0..<timeSteps * batchSize { total += activations.losses[token] }
        return total / Double(timeSteps * batchSize)
    }

    // MARK: Backward

    /// Runs the recurrent layer back through time.
    func backward(_ thread: Int) {
        let (panels, rows) = recurrenceShare(thread)
        clearCarriedGradients(panels: panels, rows: rows)
        var layer = layer
        var program = program(
            engine.backwardInstructions, count: engine.program.backward.count, thread: thread)
        for t in stride(from: timeSteps - 1, through: 0, by: -1) {
            kernels.backward_step(&layer, &program, Int32(t), t == timeSteps - 1, panels, rows)
            if !splitsRows { pool.barrier() }
        }
        if splitsRows { pool.barrier() }
    }

    private func clearCarriedGradients(panels: UnrollRange, rows: UnrollRange) {
        let width = PanelLayout.width
        for gradient in activations.carriedGradients {
            for panel in Int(panels.begin)..<Int(panels.end) {
                let tile = gradient.base + panel * gradient.panel + Int(rows.begin) * width
                tile.update(repeating: 0, count: Int(rows.end - rows.begin) * width)
            }
        }
    }

    /// Turns the gradients of gates and logits into those of weights and biases.
    func weightGradients(_ thread: Int) {
        guard let gradients else { return }
        let panelSize = shape.hiddenPanels * PanelLayout.width * PanelLayout.width
        var output = activations.states[0]
        let units = UnrollRange(pool.share(of: shape.hiddenSize, granularity: 8, thread: thread))
        var recurrent = UnrollProduct(
            a: output, b: activations.gateGradient, steps: Int32(timeSteps), batch: Int32(batchSize),
            b_panels: Int32(shape.gatePanels), c: gradients.recurrent, c_panel: panelSize)
        kernels.weight_gradient(&recurrent, units)
        output.base += output.time
        var decoder = UnrollProduct(
            a: output, b: activations.logits, steps: Int32(timeSteps), batch: Int32(batchSize),
            b_panels: Int32(shape.vocabularyPanels), c: gradients.decoder, c_panel: panelSize)
        kernels.weight_gradient(&decoder, units)

        let width = PanelLayout.width
        for panel in pool.share(of: shape.gatePanels, thread: thread) {
            let (gate, hiddenPanel) = panel.quotientAndRemainder(dividingBy: shape.hiddenPanels)
            let split = shape.splitGates.firstIndex(of: gate)
            let inputPanel = split.map { (shape.gateCount + $0) * shape.hiddenPanels + hiddenPanel } ?? panel
            kernels.input_gradient(
                activations.gateGradient, Int32(inputPanel), Int32(timeSteps), Int32(batchSize), inputs,
                Int32(shape.vocabularySize), gradients.input + panel * shape.vocabularySize * width,
                gradients.inputBias + panel * width)
            let hiddenBias = gradients.hiddenBias + panel * width
            if split == nil {
                hiddenBias.update(from: gradients.inputBias + panel * width, count: width)
            } else {
                kernels.column_sums(
                    activations.gateGradient, Int32(panel), Int32(timeSteps), Int32(batchSize), hiddenBias)
            }
        }
        for panel in pool.share(of: shape.vocabularyPanels, thread: thread) {
            kernels.column_sums(
                activations.logits, Int32(panel), Int32(timeSteps), Int32(batchSize),
                gradients.decoderBias + panel * width)
        }
        pool.barrier()
    }

    // MARK: Update

    private func blocks(of thread: Int) -> StrideTo<Int> {
        stride(from: thread, to: engine.weights.blocks.count, by: pool.threadCount)
    }

    /// Adds up the squares of the gradients, block by block.
    func sumSquares(_ thread: Int) {
        guard let gradients else { return }
        for index in blocks(of: thread) {
            let block = gradients.blocks[index]
            engine.blockNorms[index] = kernels.sum_of_squares(
                gradients.buffer.base + block.offset, block.count)
        }
        pool.barrier()
    }

    /// Loss and gradient norm, the same on every thread once `sumSquares` is done.
    func result() -> StepResult {
        guard let gradients else { return StepResult(meanLoss: .nan, gradientNorm: .nan) }
        var squares = 0.0
        for index in gradients.blocks.indices { squares += engine.blockNorms[index] }
        return StepResult(
            meanLoss: meanLoss(), gradientNorm: squares.squareRoot())
    }

    /// Descends along the gradients and refreshes what follows from the parameters.
    func update(_ thread: Int, rate: Float) {
        guard let gradients else { return }
        let weights = engine.weights
        for index in blocks(of: thread) {
            let block = weights.blocks[index]
            kernels.descend(
                weights.buffer.base + block.offset, gradients.buffer.base + block.offset, rate, block.count)
        }
        pool.barrier()
        engine.derived.refresh(
            from: weights, kernels: kernels, panels: pool.share(of: shape.hiddenPanels, thread: thread),
            isFirstThread: thread == 0)
    }
}

extension UnrollRange {
    fileprivate init(_ range: Range<Int>) {
        self.init(begin: Int32(range.lowerBound), end: Int32(range.upperBound))
    }
}
