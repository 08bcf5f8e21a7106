import CUnrollKernels
import UnrollKernels

extension Pass {
    /// Looks up the vectors of the distinct tokens and computes what they give to the gates of the first layer.
    ///
    /// That takes the place of the input weights of a layer over one-hot tokens, so that the layer gathers rows of it.
    func embed(_ thread: Int) {
        guard let memory = layout.embedding, let distinct = engine.distinctTokens else { return }
        let panels = pool.share(of: shape.embeddingPanels, thread: thread)
        for panel in panels {
            for row in 0..<distinct.count {
                let vector: UnsafeMutablePointer<Float> = memory.vectors.values.advanced(
                    panels: panel, rows: row
                ).base
                engine.weights.copyVector(of: Int(distinct.tokens[row]), panel: panel, to: vector)
                maskVector(of: distinct.tokens[row], vector)
            }
        }
        var vectors = memory.vectors
        if quantizesRows {
            pool.barrier()
            kernels.pointee.pack(
                &vectors, 0, UnrollRange(0..<shape.embeddingPanels),
                UnrollRange(pool.share(of: distinct.count, thread: thread)))
        } else {
            kernels.pointee.pack(&vectors, 0, UnrollRange(panels), UnrollRange(0..<distinct.count))
        }
        pool.barrier()
        projectInput(of: 0, thread)
        // The barrier is the one before the first layer runs.
    }

    /// Gives every row of every step its token's vector, for a formula that reads it.
    func gatherInputs(panels: Range<Int>, rows: Range<Int>) {
        guard shape.readsLayerInput, let memory = layout.embedding, let distinct = engine.distinctTokens
        else {
            return
        }
        for t in 0..<sequenceLength {
            for panel in panels {
                for row in rows {
                    let vector: UnsafeMutablePointer<Float> = memory.inputs.advanced(
                        steps: t, panels: panel, rows: row
                    ).base
                    vector.update(
                        from: memory.vectors.values.advanced(
                            panels: panel, rows: Int(distinct.rows[t * batchSize + row])
                        ).base, count: PanelLayout.width)
                }
            }
        }
    }

    /// Adds up the gradients of what the first layer's formula has read, for each distinct token.
    private func sumInputGradients(
        _ distinct: DistinctTokens, to gradient: UnrollPanels, panels: Range<Int>
    ) {
        let width = PanelLayout.width
        for panel in panels {
            let sums: UnsafeMutablePointer<Float> = gradient.advanced(panels: panel).base
            kernels.pointee.input_gradient(
                layout.outputGradient, Int32(panel), Int32(sequenceLength), Int32(batchSize), distinct.rows,
                batchSize, Int32(distinct.count), sums)
            // What a formula makes of padding is not zero.
            for unit in 0..<width where panel * width + unit >= shape.hiddenSize {
                for row in 0..<distinct.count { sums[row * width + unit] = 0 }
            }
        }
    }

    /// Turns the gradients of what the tokens gave to the gates into those of the tokens' vectors.
    ///
    /// The gradient of an embedding of its own is zero but for these rows.
    func embeddingGradient(_ thread: Int) {
        guard let gradients, let memory = layout.embedding, let distinct = engine.distinctTokens,
            let input = engine.derived.layout.layers[0].input
        else { return }
        let panels = pool.share(of: shape.embeddingPanels, thread: thread)
        if shape.readsLayerInput { sumInputGradients(distinct, to: memory.gradient, panels: panels) }
        projectGates(
            memory.gates.unit_words, inputPanel: { $0 * shape.hiddenPanels }, by: input,
            adds: shape.readsLayerInput, to: memory.gradient, panels: panels, steps: 1, rows: distinct.count)
        let width = PanelLayout.width
        for panel in panels {
            if let embedding = gradients.embedding {
                (embedding + panel * shape.vocabularySize * width).update(
                    repeating: 0, count: shape.vocabularySize * width)
            }
            for row in 0..<distinct.count {
                let token = Int(distinct.tokens[row])
                let from: UnsafeMutablePointer<Float> = memory.gradient.advanced(
                    panels: panel, rows: row
                ).base
                maskVector(of: distinct.tokens[row], from)
                if let embedding = gradients.embedding {
                    (embedding + (panel * shape.vocabularySize + token) * width).update(
                        from: from, count: width)
                } else {
                    for unit in 0..<width {
                        gradients.decoderWeight(token: token, unit: panel * width + unit).pointee +=
                            from[unit]
                    }
                }
            }
        }
        pool.barrier()
    }
}

/// The tokens that occur in a minibatch, each once.
///
/// An embedding is looked up, and multiplied with the weights of the first layer, once for each of them.
final class DistinctTokens {
    /// The distinct tokens in the order in which they first occur, `[count]`.
    let tokens: UnsafeMutablePointer<Int32>
    /// For each token of the minibatch, its place among the distinct ones, `[T][B]`.
    let rows: UnsafeMutablePointer<Int32>
    private(set) var count = 0

    /// For each token of the vocabulary, its place among the distinct ones, or -1; all are -1 between minibatches.
    private let rowOfToken: UnsafeMutablePointer<Int32>

    /// Makes room for minibatches of up to `capacity` tokens.
    init(vocabularySize: Int, capacity: Int) {
        tokens = .allocate(capacity: capacity)
        rows = .allocate(capacity: capacity)
        rowOfToken = .allocate(capacity: vocabularySize)
        rowOfToken.initialize(repeating: -1, count: vocabularySize)
    }

    deinit {
        tokens.deallocate()
        rows.deallocate()
        rowOfToken.deallocate()
    }

    /// Takes in the tokens of a minibatch.
    func collect(_ inputs: UnsafeBufferPointer<Int32>) {
        count = 0
        for (index, token) in inputs.enumerated() {
            if rowOfToken[Int(token)] < 0 {
                rowOfToken[Int(token)] = Int32(count)
                tokens[count] = token
                count += 1
            }
            rows[index] = rowOfToken[Int(token)]
        }
        for row in 0..<count { rowOfToken[Int(tokens[row])] = -1 }
    }
}
