import CUnrollKernels
import UnrollKernels

extension Pass {
    private func decoder(gradientScale: Float) -> UnrollDecoder {
        UnrollDecoder(
            batch: Int32(batchSize), hidden: Int32(shape.hiddenSize), vocabulary: Int32(shape.vocabularySize),
            weight: engine.derived.layout.decoder.forward,
            weight_panel: shape.hiddenPanels * PanelLayout.width * PanelLayout.width
                / Int(kernels.word_units),
            bias: engine.derived.layout.logitBias, input: topOutput.unit_words.advanced(steps: 1),
            logits: layout.logits, targets: targets, losses: activations.losses,
            gradient_scale: gradientScale)
    }

    /// The output of the last layer; at `t` its value before step `t`.
    var topOutput: UnrollOperand { layout.layers[shape.layerCount - 1].output }

    /// Computes logits and losses and, if there are gradients to fill, the gradients of logits and output.
    func crossEntropy(_ thread: Int) {
        if !shape.hasNarrowDecoder {
            project(
                topOutput.unit_words.advanced(steps: 1), units: shape.hiddenSize,
                by: engine.derived.layout.decoder.forward, weightPanels: shape.hiddenPanels,
                bias: engine.derived.layout.logitBias, to: layout.logits.values,
                panels: pool.share(of: shape.vocabularyPanels, thread: thread))
            pool.barrier()
        }
        let tile = Int(UNROLL_TILE_ROWS)
        let tilesPerStep = (batchSize + tile - 1) / tile
        for index in pool.share(of: timeSteps * tilesPerStep, thread: thread) {
            let (t, row) = (index / tilesPerStep, index % tilesPerStep * tile)
            crossEntropy(step: t, rows: row..<min(row + tile, batchSize))
        }
        pool.barrier()
        if gradients != nil, !shape.hasNarrowDecoder {
            project(
                layout.logits.unit_words, units: shape.vocabularySize,
                by: engine.derived.layout.decoder.transposed, weightPanels: shape.vocabularyPanels,
                to: layout.outputGradient, panels: pool.share(of: shape.hiddenPanels, thread: thread))
            pool.barrier()
        }
    }

    /// Losses of some rows of a step and the gradients of their logits; a narrow decoder's logits are computed first.
    func crossEntropy(step: Int, rows: Range<Int>) {
        var decoder = decoder(gradientScale: gradients == nil ? 0 : 1 / Float(timeSteps * batchSize))
        if shape.hasNarrowDecoder {
            kernels.decode(&decoder, Int32(step), UnrollRange(rows), UnrollRange(0..<shape.vocabularyPanels))
        }
        kernels.cross_entropy(&decoder, Int32(step), UnrollRange(rows))
    }

    /// Computes the logits of the last step.
    func decode(_ thread: Int) {
        let panels = pool.share(of: shape.vocabularyPanels, thread: thread)
        guard !panels.isEmpty else { return }
        var decoder = decoder(gradientScale: 0)
        kernels.decode(&decoder, Int32(timeSteps - 1), UnrollRange(0..<batchSize), UnrollRange(panels))
    }

    /// The mean loss, added up in one order whatever the number of threads.
    func meanLoss() -> Double {
        var total = 0.0
        for token in 0..<timeSteps * batchSize { total += activations.losses[token] }
        return total / Double(timeSteps * batchSize)
    }
}
