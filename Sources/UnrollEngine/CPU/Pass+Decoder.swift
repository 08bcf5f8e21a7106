import CUnrollKernels
import UnrollKernels

extension Pass {
    /// The decoder as the kernels see it; a scale of 0 asks for losses alone.
    func decoder(gradientScale: Float) -> UnrollDecoder {
        UnrollDecoder(
            batch: Int32(batchSize), hidden: Int32(shape.hiddenSize), vocabulary: Int32(shape.vocabularySize),
            weight: engine.derived.layout.decoder.forward,
            weight_panel: engine.words.weightPanel(inputPanels: shape.hiddenPanels),
            bias: engine.derived.layout.logitBias, input: output(of: shape.layerCount - 1).unit_words,
            logits: layout.logits, targets: targets, losses: activations.losses,
            gradient_scale: gradientScale, label_smoothing: masks?.regularization.labelSmoothing ?? 0)
    }

    /// Computes the logits of a wide decoder, which are too many to stay in the cache until they are read.
    private func projectLogits(_ thread: Int) {
        guard !shape.hasNarrowDecoder else { return }
        var product = projection(
            output(of: shape.layerCount - 1).unit_words, units: shape.hiddenSize,
            by: engine.derived.layout.decoder.forward, weightPanels: shape.hiddenPanels,
            bias: engine.derived.layout.logitBias, to: layout.logits.values)
        kernels.pointee.project(
            &product, UnrollRange(pool.share(of: shape.vocabularyPanels, thread: thread)))
        pool.barrier()
    }

    /// Computes the logits of a single step and writes them out, `[B, V]`.
    func writeLogits(to destination: UnsafeMutablePointer<Float>, _ thread: Int) {
        projectLogits(thread)
        let (logits, width) = (layout.logits.values, PanelLayout.width)
        let rows = pool.share(of: batchSize, granularity: Int(UNROLL_TILE_ROWS), thread: thread)
        if shape.hasNarrowDecoder {
            var decoder = decoder(gradientScale: 0)
            decoder.targets = nil
            kernels.pointee.decode(
                &decoder, 0, UnrollRange(rows), UnrollRange(0..<shape.vocabularyPanels))
        }
        for row in rows {
            for panel in 0..<shape.vocabularyPanels {
                let first = panel * width
                (destination + row * shape.vocabularySize + first).update(
                    from: logits.advanced(panels: panel, rows: row).base,
                    count: min(width, shape.vocabularySize - first))
            }
        }
    }

    /// Computes logits and losses and, if there are gradients to fill, the gradients of logits and output.
    func crossEntropy(_ thread: Int) {
        projectLogits(thread)
        let tile = Int(UNROLL_TILE_ROWS)
        let tilesPerStep = (batchSize + tile - 1) / tile
        for index in pool.share(of: sequenceLength * tilesPerStep, thread: thread) {
            let (t, row) = (index / tilesPerStep, index % tilesPerStep * tile)
            crossEntropy(step: t, rows: row..<min(row + tile, batchSize))
        }
        pool.barrier()
        if gradients != nil, !appendsDecoder {
            let panels = pool.share(of: shape.hiddenPanels, thread: thread)
            var product = projection(
                layout.logits.unit_words, units: shape.vocabularySize,
                by: engine.derived.layout.decoder.transposed, weightPanels: shape.vocabularyPanels,
                to: layout.outputGradient)
            kernels.pointee.project(&product, UnrollRange(panels))
            maskOutputGradient(of: shape.layerCount - 1, panels: panels)
            pool.barrier()
        }
    }

    /// Losses of some rows of a step and the gradients of their logits; a narrow decoder's logits are computed first.
    func crossEntropy(step: Int, rows: Range<Int>) {
        var decoder = decoder(gradientScale: gradients == nil ? 0 : 1 / Float(wholeTokenCount))
        if shape.hasNarrowDecoder {
            kernels.pointee.decode(
                &decoder, Int32(step), UnrollRange(rows), UnrollRange(0..<shape.vocabularyPanels))
        }
        kernels.pointee.cross_entropy(&decoder, Int32(step), UnrollRange(rows))
    }

    /// What some hidden panels give to the logits of a single token, as a product.
    func logitPart(panels: Range<Int>, index: Int) -> UnrollProjection {
        let units = panels.lowerBound * PanelLayout.width..<panels.upperBound * PanelLayout.width
        return projection(
            output(of: shape.layerCount - 1).unit_words.advanced(panels: panels.lowerBound),
            units: min(units.upperBound, shape.hiddenSize) - units.lowerBound,
            by: engine.derived.layout.decoder.forward + units.lowerBound * PanelLayout.width
                / engine.words.units,
            weightPanels: shape.hiddenPanels, to: layout.logitParts.advanced(steps: index), steps: 1)
    }

    /// The mean loss of the minibatch.
    func meanLoss() -> Double { totalLoss() / Double(sequenceLength * batchSize) }

    /// The summed loss, added up in one order whatever the number of threads.
    func totalLoss() -> Double {
        // In eight sums, as one would wait for each addition.
        let (losses, count) = (activations.losses, sequenceLength * batchSize)
        var sums = SIMD8<Double>()
        for start in stride(from: 0, to: count - 7, by: 8) {
            sums += UnsafeRawPointer(losses + start).loadUnaligned(as: SIMD8<Double>.self)
        }
        var total = sums.sum()
        for token in count - count % 8..<count { total += losses[token] }
        return total
    }
}
