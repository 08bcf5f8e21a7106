import CUnrollKernels
import UnrollKernels

extension Pass {
    /// Turns the gradients of gates and logits into those of weights and biases.
    func weightGradients(_ thread: Int) {
        guard let gradients else { return }
        let units = pool.share(of: shape.hiddenSize, granularity: 8, thread: thread)
        for (index, layer) in gradients.layers.enumerated() {
            let memory = layout.layers[index]
            weightGradient(
                of: memory.output.row_words, memory.gateGradient.row_words, panels: shape.gatePanels,
                to: layer.recurrent, weightPanels: shape.hiddenPanels, units: units)
            maskRecurrentGradient(of: index, layer.recurrent, units: units)
            if index > 0 { inputWeightGradient(of: index, to: layer.input, units: units) }
        }
        weightGradient(
            of: output(of: shape.layerCount - 1).row_words, layout.logits.row_words,
            panels: shape.vocabularyPanels, to: gradients.decoder, weightPanels: shape.hiddenPanels,
            units: units)
        for panel in pool.share(of: shape.gatePanels, thread: thread) {
            tokenGradient(gatePanel: panel, rows: 0..<batchSize, to: gradients)
            for layer in gradients.layers.indices {
                biasGradients(of: layer, gatePanel: panel, rows: 0..<batchSize, to: gradients)
            }
        }
        for panel in pool.share(of: shape.hiddenPanels, thread: thread) {
            for layer in gradients.layers.indices {
                vectorGradients(of: layer, panel: panel, rows: 0..<batchSize, to: gradients)
            }
        }
        for panel in pool.share(of: shape.vocabularyPanels, thread: thread) {
            decoderBiasGradient(panel: panel, rows: 0..<batchSize, to: gradients)
        }
        if let memory = layout.embedding, let distinct = engine.distinctTokens {
            var gates = memory.gates
            kernels.pointee.pack(
                &gates, 0, UnrollRange(pool.share(of: shape.gatePanels, thread: thread)),
                UnrollRange(0..<distinct.count))
            pool.barrier()
            weightGradient(
                of: memory.vectors.row_words, memory.gates.row_words, panels: shape.gatePanels,
                to: gradients.layers[0].input, weightPanels: shape.embeddingPanels,
                units: pool.share(of: shape.embeddingSize ?? 0, granularity: 8, thread: thread), steps: 1,
                rows: distinct.count)
        }
        pool.barrier()
    }

    /// The gradient of the weights that a layer multiplies the output of the layer below with.
    private func inputWeightGradient(
        of layer: Int, to gradient: UnsafeMutablePointer<Float>, units: Range<Int>
    ) {
        let gateSize = shape.hiddenPanels * shape.hiddenPanels * PanelLayout.width * PanelLayout.width
        for gate in 0..<shape.gateCount {
            weightGradient(
                of: output(of: layer - 1).row_words,
                layout.layers[layer].gateGradient.row_words.advanced(
                    panels: shape.inputPanel(ofGate: gate)),
                panels: shape.hiddenPanels, to: gradient + gate * gateSize,
                weightPanels: shape.hiddenPanels, units: units)
        }
    }

    /// The gradient of what the tokens give to one panel of the gates of the first layer: its input weights, or the
    /// products of the tokens' vectors.
    func tokenGradient(gatePanel: Int, rows: Range<Int>, to gradients: PackedParameters) {
        let (gate, hiddenPanel) = gatePanel.quotientAndRemainder(dividingBy: shape.hiddenPanels)
        let tokens = engine.distinctTokens.map { UnsafePointer($0.rows) } ?? inputs
        let gradient =
            layout.embedding.map { $0.gates.values.advanced(panels: gatePanel).base }
            ?? gradients.layers[0].input + gatePanel * shape.vocabularySize * PanelLayout.width
        kernels.pointee.input_gradient(
            layout.layers[0].gateGradient.values.advanced(rows: rows.lowerBound),
            Int32(shape.inputPanel(ofGate: gate) + hiddenPanel), Int32(sequenceLength), Int32(rows.count),
            tokens + rows.lowerBound, batchSize,
            Int32(engine.distinctTokens?.count ?? shape.vocabularySize), gradient)
    }

    /// The gradients of both biases of one panel of a layer's gates, once `tokenGradient` is there.
    func biasGradients(of layer: Int, gatePanel: Int, rows: Range<Int>, to gradients: PackedParameters) {
        let (gate, hiddenPanel) = gatePanel.quotientAndRemainder(dividingBy: shape.hiddenPanels)
        let gates = layout.layers[layer].gateGradient.values.advanced(rows: rows.lowerBound)
        let inputPanel = shape.inputPanel(ofGate: gate) + hiddenPanel
        let (width, offset) = (PanelLayout.width, gatePanel * PanelLayout.width)
        let (inputBias, hiddenBias) = (
            gradients.layers[layer].inputBias + offset, gradients.layers[layer].hiddenBias + offset
        )
        if layer == 0, layout.embedding == nil, shape.vocabularySize < sequenceLength * rows.count {
            // Every row has gone into that of its token.
            let byToken = UnrollPanels(
                base: gradients.layers[0].input + gatePanel * shape.vocabularySize * width, time: 0,
                panel: 0, row: width)
            kernels.pointee.column_sums(byToken, 0, 1, Int32(shape.vocabularySize), inputBias)
        } else {
            kernels.pointee.column_sums(
                gates, Int32(inputPanel), Int32(sequenceLength), Int32(rows.count), inputBias)
        }
        if shape.hasSingleBias {
            hiddenBias.update(repeating: 0, count: width)
        } else if inputPanel == gatePanel {
            hiddenBias.update(from: inputBias, count: width)
        } else {
            kernels.pointee.column_sums(
                gates, Int32(gatePanel), Int32(sequenceLength), Int32(rows.count), hiddenBias)
        }
    }

    /// The gradients of one panel of a layer's learned vectors.
    func vectorGradients(of layer: Int, panel: Int, rows: Range<Int>, to gradients: PackedParameters) {
        let width = PanelLayout.width
        for (values, vector) in zip(layout.layers[layer].vectorGradients, gradients.layers[layer].vectors) {
            let sums: UnsafeMutablePointer<Float> = vector + panel * width
            kernels.pointee.column_sums(
                values.advanced(rows: rows.lowerBound), Int32(panel), Int32(sequenceLength),
                Int32(rows.count), sums)
            // What a formula makes of padding is not zero.
            for unit in 0..<width where panel * width + unit >= shape.hiddenSize { sums[unit] = 0 }
        }
    }

    /// The gradient of one panel of the decoder's bias.
    func decoderBiasGradient(panel: Int, rows: Range<Int>, to gradients: PackedParameters) {
        kernels.pointee.column_sums(
            layout.logits.values.advanced(rows: rows.lowerBound), Int32(panel), Int32(sequenceLength),
            Int32(rows.count), gradients.decoderBias + panel * PanelLayout.width)
    }
}
