import UnrollModel

extension StepProgram {
    /// Goes back from the decoder to the tokens' vectors, and leaves the gradients of all parameters.
    func backward(from output: Matrix) throws {
        try decoderBackward(output)
        for layer in (0..<dimensions.L).reversed() {
            try backward(layer: layer)
            let hidden = try hiddenGradients(layer: layer)
            try recurrentWeightGradients(layer: layer, of: hidden)
            try vectorGradients(layer: layer)
            try inputBackward(layer: layer, of: dimensions.hasSplitGates ? nil : hidden)
        }
        guard let E = dimensions.E else { return }
        // Tied weights have the decoder's gradient already.
        if !dimensions.tiesWeights {
            try queue.fillWithZeros(gradient("embedding.weight"), byteCount: 4 * dimensions.V * E)
        }
        try addByToken(
            at(memory.outputGradients), size: E, mask: record(memory.record.embeddingMask),
            into: gradient("embedding.weight"))
    }

    private func decoderBackward(_ output: Matrix) throws {
        let (tokens, V, H) = (shape.tokenCount, dimensions.V, dimensions.H)
        let logits = try rounded(
            Matrix(at(memory.logits), rows: tokens, columns: V), forProductsOf: V, H, tokens)
        try product(logits.transposed, output, into: gradient(decoderWeight), inParts: true)
        try sumRows(logits, into: gradient("decoder.bias"))
        try product(
            logits, Matrix(parameter(decoderWeight), rows: V, columns: H), into: at(memory.outputGradients))
    }

    /// Goes back through all steps of a layer, in one launch or one by one.
    private func backward(layer: Int) throws {
        let past = at(memory.inputGradients).float(shape.tokenCount * dimensions.H)
        let arguments: [KernelArgument] = [
            .address(at(memory.outputGradients)),
            record(memory.record.outputMask(layer: layer)), .int(outputPace),
            .address(states(layer: layer, 0)), .int(stateStride),
            argument(layout.vectors(ofLayer: layer).first.map(parameter)), .int(layout.vectorStride),
            argument(formulaInput(layer: layer, 0)), record(memory.record.stateMasks(layer: layer)),
            .address(saved(layer: layer, 0)), .address(at(memory.hiddenGradients)),
            .address(at(memory.gateInputs)),
            dimensions.vectors > 0 ? .address(at(memory.vectorGradients)) : .null,
            .int(vectorGradientStride), dimensions.readsLayerInput ? .address(past) : .null,
        ]
        if let persistent = kernels.recurrence.persistent(forRows: shape.B) {
            try persistent.runBackward(
                on: queue, shape, [.address(recurrentWeights(layer: layer))] + arguments,
                stateGradients: at(memory.stateGradients), exchanged: at(memory.exchanged))
        } else if let products = kernels.recurrence.products(forRows: shape.B) {
            try products.runBackward(
                on: queue, shape, arguments, stateGradients: at(memory.stateGradients),
                factors: factors(layer: layer), startsEarly: kernels.startEarly)
        } else {
            for t in (0..<shape.T).reversed() { try stepBackward(layer: layer, t) }
        }
    }

    private func stepBackward(layer: Int, _ t: Int) throws {
        let gates = shape.B * dimensions.G * dimensions.H
        let hidden = at(memory.hiddenGradients).float(t * gates)
        let vectors: KernelArgument =
            dimensions.vectors > 0 ? .address(at(memory.vectorGradients).float(t * stateSize)) : .null
        let past = at(memory.inputGradients).float(shape.tokenCount * dimensions.H)
        let read: KernelArgument = dimensions.readsLayerInput ? .address(past.float(t * stateSize)) : .null
        try launch(
            kernels.stepBackward, grid: ((dimensions.H + 15) / 16, (shape.B + 31) / 32, 1), threads: 128,
            [
                .int(shape.B), .int(dimensions.H), .address(recurrentWeights(layer: layer)),
                t + 1 < shape.T ? .address(hidden.float(gates)) : .null,
                .address(at(memory.outputGradients).float(t * stateSize)),
                record(memory.record.outputMask(layer: layer)), .int(outputTime(t)),
                .address(states(layer: layer, t)), .int(stateStride),
                argument(layout.vectors(ofLayer: layer).first.map(parameter)), .int(layout.vectorStride),
                argument(formulaInput(layer: layer, t)),
                record(memory.record.stateMasks(layer: layer)), .int(t), .address(saved(layer: layer, t)),
                .address(at(memory.stateGradients)), .address(hidden),
                .address(at(memory.gateInputs).float(t * gates)),
                vectors, .int(vectorGradientStride),
                read,
            ])
    }

    private func vectorGradients(layer: Int) throws {
        for (index, name) in layout.vectors(ofLayer: layer).enumerated() {
            let parts = at(memory.vectorGradients).float(index * vectorGradientStride)
            try sumRows(
                Matrix(parts, rows: shape.tokenCount, columns: dimensions.H), into: gradient(name))
        }
    }

    /// The gradients of the halves of gates from the layer itself, with factors for the products after it.
    private func hiddenGradients(layer: Int) throws(CUDAError) -> Matrix {
        var hidden = gateGradients(memory.hiddenGradients)
        if kernels.recurrence.products(forRows: shape.B) != nil {
            hidden.factors = factors(layer: layer).gradients
        }
        return try rounded(hidden, forProductsOf: hidden.columns, dimensions.H, hidden.rows)
    }

    private func recurrentWeightGradients(layer: Int, of hidden: Matrix) throws {
        let weight = gradient("rnn.weight_hh_l\(layer)")
        let previous = firstStates(layer: layer, from: 0)
        try product(hidden.transposed, previous, into: weight, inParts: true)
        if shape.hasWeightDrop { try dropWeights(weight, layer: layer, into: weight) }
        let inputBias = gradient("rnn.bias_ih_l\(layer)")
        // A bias that stays zero keeps the gradient of zero that it began with.
        let hiddenBias = dimensions.hasSingleBias ? nil : gradient("rnn.bias_hh_l\(layer)")
        if dimensions.hasSplitGates {
            try sumRows(gateGradients(memory.gateInputs), into: inputBias)
            if let hiddenBias { try sumRows(hidden, into: hiddenBias) }
        } else {
            try sumRows(hidden, into: inputBias, and: hiddenBias)
        }
    }

    /// The gradients of a layer's input weights, and of what it reads; `shared` are the gradients of both halves of gates, nil
    /// if those of the halves from the input are others.
    private func inputBackward(layer: Int, of shared: Matrix?) throws {
        var gates = shared ?? gateGradients(memory.gateInputs)
        let weight = gradient("rnn.weight_ih_l\(layer)")
        if layer == 0, dimensions.E == nil {
            try queue.fillWithZeros(weight, byteCount: 4 * dimensions.V * gates.columns)
            return try addByToken(gates.address, size: gates.columns, mask: .null, into: weight)
        }
        let input =
            layer == 0
            ? Matrix(at(memory.vectors), rows: shape.tokenCount, columns: dimensions.E ?? 0)
            : output(of: layer - 1)
        gates = try rounded(gates, forProductsOf: gates.columns, input.columns, gates.rows)
        try product(gates.transposed, input, into: weight, inParts: true)
        guard dimensions.readsLayerInput else {
            return try product(gates, inputWeights(layer: layer), into: at(memory.outputGradients))
        }
        try product(gates, inputWeights(layer: layer), into: at(memory.inputGradients))
        let count = shape.tokenCount * dimensions.H
        try launch(
            kernels.addParts, over: count,
            [
                .int(count), .int(2), .address(at(memory.inputGradients)),
                .address(at(memory.outputGradients)),
            ])
    }

    /// Gradients of gates, [T B, G H].
    private func gateGradients(_ place: Int) -> Matrix {
        Matrix(at(place), rows: shape.tokenCount, columns: dimensions.G * dimensions.H)
    }

    private func sumRows(
        _ values: Matrix, into sums: DeviceAddress, and copy: DeviceAddress? = nil
    ) throws(CUDAError) {
        try launch(
            kernels.sumRows, grid: ((values.columns + 31) / 32, 1, 1), threads: 256,
            [
                .int(values.rows), .int(values.columns), .address(values.address), .address(sums),
                argument(copy),
            ])
    }

    private func addByToken(
        _ gradients: DeviceAddress, size: Int, mask: KernelArgument, into sums: DeviceAddress
    ) throws(CUDAError) {
        try launch(
            kernels.addByToken, grid: (shape.tokenCount, (size + 127) / 128, 1), threads: 128,
            [
                .int(size), .address(gradients), .address(at(memory.step)), record(memory.record.order),
                record(memory.record.distinct), record(memory.record.starts), mask, .address(sums),
            ])
    }
}
