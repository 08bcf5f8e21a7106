import CUnrollKernels
import UnrollKernels

/// A step of one token, as when text is generated: a few microseconds, in which threads must rarely meet and
/// no reference is counted or memory allocated.
///
/// All arguments of the kernels are therefore made beforehand. The caller sets the states and keeps them. Each thread
/// computes some hidden panels and what they give to the logits, which the caller adds up: one layer over one-hot
/// tokens with a narrow decoder needs no barrier but the end. In int8 the caller multiplies by such a decoder instead.
final class TokenStep {
    private let plan: UnsafeMutablePointer<Plan>
    private let shape: ModelShape
    private let logits: UnrollPanels
    private let logitBias: UnsafeMutablePointer<Float>
    private let embedding: UnrollOperand?
    /// The token's vector for a formula that reads it.
    private let inputs: UnrollPanels?

    /// Prepares the step of a pass over a minibatch of one token.
    init(_ pass: Pass) {
        shape = pass.shape
        logits = pass.layout.logits.values
        logitBias = pass.engine.derived.layout.logitBias
        embedding = pass.layout.embedding?.vectors
        inputs = pass.shape.readsLayerInput ? pass.layout.embedding?.inputs : nil
        plan = .allocate(capacity: 1)
        plan.initialize(to: Plan(pass))
    }

    deinit {
        plan.pointee.deallocate()
        plan.deallocate()
    }

    /// Groups of hidden panels whose contributions to the logits are added up, always the same, so that no bit depends on
    /// the threads.
    ///
    /// So no more threads than groups take part.
    static func groupCount(_ shape: ModelShape) -> Int {
        min(max(8, shape.hiddenPanels / 4), shape.hiddenPanels)
    }

    /// Reads one token and writes the logits of the next.
    ///
    /// - Parameters:
    ///   - token: The token.
    ///   - continuesState: Whether the step continues from the carried states or from zeros.
    ///   - weights: The parameters.
    ///   - pool: The threads.
    ///   - destination: The logits, `[V]`.
    func run(
        token: Int32, continuesState: Bool, weights: PackedParameters, pool: WorkerPool,
        logits destination: UnsafeMutableBufferPointer<Float>
    ) {
        let kernels = plan.pointee.kernels
        let (row, rows) = (plan.pointee.row, UnrollRange(0..<1))
        row.pointee = token
        if var embedding {
            for panel in 0..<shape.embeddingPanels {
                weights.copyVector(
                    of: Int(token), panel: panel, to: embedding.values.advanced(panels: panel).base)
                inputs?.advanced(panels: panel).base.update(
                    from: embedding.values.advanced(panels: panel).base, count: PanelLayout.width)
            }
            kernels.pointee.pack(&embedding, 0, UnrollRange(0..<shape.embeddingPanels), rows)
            row.pointee = 0
        }
        let stateSize = shape.hiddenPanels * PanelLayout.width
        for layer in 0..<shape.layerCount {
            let layer = plan.pointee.layers + layer
            for state in 0..<shape.stateCount {
                let place = layer.pointee.states[state]
                if continuesState {
                    place.before.update(from: place.carried, count: stateSize)
                } else {
                    place.before.update(repeating: 0, count: stateSize)
                }
            }
            kernels.pointee.pack(
                &layer.pointee.recurrence.pointee.output, 0, UnrollRange(0..<shape.hiddenPanels), rows)
        }
        pool.run(
            { plan, thread in
                plan?.assumingMemoryBound(to: Plan.self).pointee.run(Int(thread))
            }, context: plan)
        for layer in 0..<shape.layerCount {
            for state in 0..<shape.stateCount {
                let place = plan.pointee.layers[layer].states[state]
                place.carried.update(from: place.after, count: stateSize)
            }
        }
        if plan.pointee.logitPartCount > 0 { addUpLogits() }
        if plan.pointee.callerDecodes { plan.pointee.decode(0, UnrollRange(0..<shape.vocabularyPanels)) }
        for token in destination.indices {
            destination[token] =
                logits.base[token / PanelLayout.width * logits.panel + token % PanelLayout.width]
        }
    }

    private func addUpLogits() {
        for panel in 0..<shape.vocabularyPanels {
            var sum: UnsafeMutablePointer<Float> = logitBias + panel * PanelLayout.width
            let result: UnsafeMutablePointer<Float> = logits.advanced(panels: panel).base
            for group in 0..<plan.pointee.logitPartCount {
                let part = plan.pointee.logitParts[group].c.advanced(panels: panel).base
                plan.pointee.kernels.pointee.combine(
                    UNROLL_COMBINE_ADD, result, sum, false, part, false, PanelLayout.width)
                sum = result
            }
        }
    }
}

/// What the threads read.
private struct Plan {
    /// The kernels' arguments for one layer.
    struct Layer {
        let recurrence: UnsafeMutablePointer<UnrollRecurrence>
        /// What the input gives to the gates, for each thread, `[threads, G]`; nil for one-hot tokens.
        let inputProducts: UnsafeMutablePointer<UnrollProjection>?
        /// The cell's formula for each thread, `[threads]`.
        let programs: UnsafeMutablePointer<UnrollProgram>
        /// All states, `[states]`.
        let states: UnsafeMutablePointer<State>
    }

    /// A state before and after the step, and where it is carried.
    struct State {
        let before: UnsafeMutablePointer<Float>
        let after: UnsafeMutablePointer<Float>
        let carried: UnsafeMutablePointer<Float>
    }

    let kernels: UnsafePointer<UnrollKernels>
    /// In int8, in which a layer's output must be there as a whole before it has words: its words as each thread makes
    /// them for itself, `[threads]`, rather than wait for another.
    let words: UnsafeMutablePointer<UnrollPanels>?
    private let wordMemory: UnsafeMutablePointer<Float>?
    let pool: OpaquePointer
    let threadCount: Int
    let gateCount: Int
    let layerCount: Int
    /// Laid out as `[L]`.
    let layers: UnsafeMutablePointer<Layer>
    let groupCount: Int
    /// The hidden panels of each group, `[groups]`.
    let groups: UnsafeMutablePointer<UnrollRange>
    /// What the hidden panels of each group give to the logits, `[groups]`, or none for a wide decoder.
    let logitParts: UnsafeMutablePointer<UnrollProjection>
    let logitPartCount: Int
    /// The decoder for each thread, `[threads]`.
    let decoders: UnsafeMutablePointer<UnrollDecoder>
    /// Whether the logits are left to the caller.
    let callerDecodes: Bool
    let vocabularyPanels: Int
    /// The token's row of the first layer's input.
    let row: UnsafeMutablePointer<Int32>

    init(_ pass: Pass) {
        let (engine, shape) = (pass.engine, pass.shape)
        kernels = engine.kernels
        let (threads, quantizes) = (0..<engine.pool.threadCount, pass.quantizesRows)
        let rowSize = PanelLayout.width / engine.words.units
        let wordCount = (shape.hiddenPanels + engine.words.scalePanels) * rowSize
        let wordMemory: UnsafeMutablePointer<Float>? =
            quantizes ? .allocate(copying: [Float](repeating: 0, count: threads.count * wordCount)) : nil
        let words = wordMemory.map { memory in
            threads.map {
                UnrollPanels(base: memory + $0 * wordCount, time: 0, panel: rowSize, row: rowSize)
            }
        }
        self.wordMemory = wordMemory
        self.words = words.map { .allocate(copying: $0) }
        pool = engine.pool.handle
        threadCount = engine.pool.threadCount
        gateCount = shape.gateCount
        layerCount = shape.layerCount
        layers = .allocate(
            copying: (0..<shape.layerCount).map { layer in
                let products = threads.flatMap { thread in
                    (0..<shape.gateCount).compactMap { gate in
                        var product = pass.inputProduct(of: layer, gate: gate)
                        if layer > 0, let words { product?.a = words[thread] }
                        return product
                    }
                }
                return Layer(
                    recurrence: .allocate(copying: [pass.recurrence(layer)]),
                    inputProducts: products.isEmpty ? nil : .allocate(copying: products),
                    programs: .allocate(
                        copying: threads.map {
                            pass.setLayerInput(of: layer, $0)
                            return engine.forwardProgram(layer: layer, thread: $0)
                        }),
                    states: .allocate(
                        copying: pass.layout.layers[layer].states.enumerated().map { index, state in
                            State(
                                before: state.base, after: state.advanced(steps: 1).base,
                                carried: pass.carried
                                    + engine.carriedOffset(layer: layer, state: index, batchSize: 1))
                        }))
            })
        groupCount = TokenStep.groupCount(shape)
        let groups = (0..<groupCount).map {
            WorkerPool.share(of: shape.hiddenPanels, part: $0, of: TokenStep.groupCount(shape))
        }
        self.groups = .allocate(copying: groups.map(UnrollRange.init))
        // Sums of groups would need the words of the output, which in int8 are there only when all groups are done.
        let parts =
            shape.hasNarrowDecoder && !quantizes
            ? groups.indices.map { pass.logitPart(panels: groups[$0], index: $0) } : []
        logitParts = .allocate(copying: parts)
        logitPartCount = parts.count
        decoders = .allocate(
            copying: threads.map { thread in
                var decoder = pass.decoder(gradientScale: 0)
                // The minibatch's, which are gone when the step runs, and which logits do without.
                decoder.targets = nil
                if let words { decoder.input = words[thread] }
                return decoder
            })
        callerDecodes = shape.hasNarrowDecoder && quantizes
        vocabularyPanels = shape.vocabularyPanels
        row = .allocate(capacity: 1)
        row.initialize(to: 0)
    }

    func deallocate() {
        for layer in 0..<layerCount {
            layers[layer].recurrence.deallocate()
            layers[layer].inputProducts?.deallocate()
            layers[layer].programs.deallocate()
            layers[layer].states.deallocate()
        }
        layers.deallocate()
        groups.deallocate()
        logitParts.deallocate()
        decoders.deallocate()
        words?.deallocate()
        wordMemory?.deallocate()
        row.deallocate()
    }

    /// A thread's share of the step.
    func run(_ thread: Int) {
        let own = WorkerPool.share(of: groupCount, part: thread, of: threadCount)
        let panels =
            own.isEmpty
            ? UnrollRange(0..<0)
            : UnrollRange(begin: groups[own.lowerBound].begin, end: groups[own.upperBound - 1].end)
        for layer in 0..<layerCount {
            if layer > 0 {
                unroll_pool_barrier(pool)
                makeWords(ofLayer: layer - 1, thread)
            }
            if let products = layers[layer].inputProducts {
                for gate in 0..<gateCount {
                    kernels.pointee.project(products + thread * gateCount + gate, panels)
                }
            }
            kernels.pointee.forward_step(
                layers[layer].recurrence, layers[layer].programs + thread, 0, row, panels,
                UnrollRange(0..<1))
        }
        if logitPartCount > 0 {
            for group in own {
                kernels.pointee.project(logitParts + group, UnrollRange(0..<vocabularyPanels))
            }
        } else if !callerDecodes {
            unroll_pool_barrier(pool)
            let tokens = WorkerPool.share(of: vocabularyPanels, part: thread, of: threadCount)
            decode(thread, UnrollRange(tokens))
        }
    }

    /// Some panels of the logits, by a thread, when all of the top layer's output is there.
    func decode(_ thread: Int, _ panels: UnrollRange) {
        makeWords(ofLayer: layerCount - 1, thread)
        kernels.pointee.decode(decoders + thread, 0, UnrollRange(0..<1), panels)
    }

    /// Makes a thread's words of what a layer has given up, if it needs any.
    private func makeWords(ofLayer layer: Int, _ thread: Int) {
        guard let words else { return }
        var output = layers[layer].recurrence.pointee.output
        output.unit_words = words[thread]
        kernels.pointee.pack(
            &output, 1, UnrollRange(begin: 0, end: layers[layer].recurrence.pointee.panels),
            UnrollRange(0..<1))
    }
}
