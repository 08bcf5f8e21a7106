import UnrollModel

extension StepProgram {
    /// Leaves out recurrent weights, if the step does.
    private func dropWeights() throws {
        guard shape.hasWeightDrop else { return }
        for layer in 0..<dimensions.L {
            try dropWeights(
                parameter("rnn.weight_hh_l\(layer)"), layer: layer, into: at(memory.droppedWeights[layer]))
        }
    }

    /// Applies the mask of a layer's recurrent weights to them, or to their gradients.
    func dropWeights(
        _ weights: DeviceAddress, layer: Int, into result: DeviceAddress
    ) throws(CUDAError) {
        let count = dimensions.G * dimensions.H * dimensions.H
        try launch(
            kernels.dropWeights, over: count,
            [
                .int(count), .int(dimensions.H), .address(weights),
                record(memory.record.weightMask(layer: layer)), .address(result),
            ])
    }

    /// The recurrent weights that a layer computes with.
    func recurrentWeights(layer: Int) -> DeviceAddress {
        shape.hasWeightDrop ? at(memory.droppedWeights[layer]) : parameter("rnn.weight_hh_l\(layer)")
    }

    /// Runs all layers over all steps, and returns what the decoder reads, [T B, H].
    func forward() throws -> Matrix {
        try dropWeights()
        var input: Matrix?
        if let E = dimensions.E {
            try launch(
                kernels.lookUp, grid: (shape.tokenCount, (E + 127) / 128, 1), threads: 128,
                [
                    .int(E), .address(parameter("embedding.weight")), record(memory.record.inputs),
                    record(memory.record.embeddingMask), .address(at(memory.vectors)),
                ])
            input = Matrix(at(memory.vectors), rows: shape.tokenCount, columns: E)
        }
        for layer in 0..<dimensions.L {
            // One-hot vectors need no product: a token's weights are looked up by the step itself.
            if let input {
                try product(
                    input, inputWeights(layer: layer).transposed, plus: parameter("rnn.bias_ih_l\(layer)"),
                    into: at(memory.gateInputs))
            }
            try forward(layer: layer, looksUp: input == nil)
            input = output(of: layer)
        }
        return output(of: dimensions.L - 1)
    }

    /// The weights from a layer's input, [G H, input], where the input is not one-hot.
    func inputWeights(layer: Int) -> Matrix {
        Matrix(
            parameter("rnn.weight_ih_l\(layer)"), rows: dimensions.G * dimensions.H,
            columns: layer == 0 ? dimensions.E ?? dimensions.V : dimensions.H)
    }

    /// What a layer's formula reads of the layer's input at a step, [B, H]; nil if it does not.
    func formulaInput(layer: Int, _ t: Int) -> DeviceAddress? {
        guard dimensions.readsLayerInput else { return nil }
        return (layer == 0 ? at(memory.vectors) : output(of: layer - 1).address).float(t * stateSize)
    }

    /// What a layer gives to the next, [T B, H].
    func output(of layer: Int) -> Matrix {
        guard !shape.hasDropout else {
            return Matrix(at(memory.outputs[layer]), rows: shape.tokenCount, columns: dimensions.H)
        }
        return firstStates(layer: layer, from: 1)
    }

    /// The first state of a layer before a step and those after it, [T B, H], with factors if step products have them.
    func firstStates(layer: Int, from t: Int) -> Matrix {
        var matrix = Matrix(states(layer: layer, t), rows: shape.tokenCount, columns: dimensions.H)
        if let products = kernels.recurrence.products(forRows: shape.B) {
            matrix.factors = factors(layer: layer).states + t * products.layout.stateBytes(rows: shape.B)
        }
        return matrix
    }

    /// Runs all steps of a layer, in one launch or one by one.
    private func forward(layer: Int, looksUp: Bool) throws {
        let weights = recurrentWeights(layer: layer)
        let arguments: [KernelArgument] = [
            .address(parameter("rnn.bias_hh_l\(layer)")),
            .address(looksUp ? parameter("rnn.weight_ih_l\(layer)") : at(memory.gateInputs)),
            looksUp ? record(memory.record.inputs) : .null,
            looksUp ? .address(parameter("rnn.bias_ih_l\(layer)")) : .null,
            .address(states(layer: layer, 0)), .int(stateStride),
            argument(layout.vectors(ofLayer: layer).first.map(parameter)), .int(layout.vectorStride),
            argument(formulaInput(layer: layer, 0)), record(memory.record.stateMasks(layer: layer)),
            .address(saved(layer: layer, 0)),
            shape.hasDropout ? .address(at(memory.outputs[layer])) : .null,
            record(memory.record.outputMask(layer: layer)), .int(outputPace),
        ]
        if let persistent = kernels.recurrence.persistent(forRows: shape.B) {
            try persistent.runForward(
                on: queue, shape, [.address(weights)] + arguments, exchanged: at(memory.exchanged))
        } else if let products = kernels.recurrence.products(forRows: shape.B) {
            let factors = factors(layer: layer)
            let H = dimensions.H
            try round(
                Matrix(weights, rows: dimensions.G * H, columns: H), into: factors.weights, by: products.round
            )
            try round(
                Matrix(states(layer: layer, 0), rows: shape.B, columns: H), into: factors.states,
                by: products.round)
            try products.runForward(
                on: queue, shape, arguments, factors: factors, startsEarly: kernels.startEarly)
        } else {
            for t in 0..<shape.T { try stepForward(layer: layer, t, looksUp: looksUp) }
        }
    }

    /// Where step products have the factors of a layer.
    func factors(layer: Int) -> ProductKernels.Places {
        ProductKernels.Places(
            weights: at(memory.roundedWeights[layer]), states: at(memory.roundedStates[layer]),
            gradients: at(memory.roundedGradients))
    }

    private func stepForward(layer: Int, _ t: Int, looksUp: Bool) throws {
        let gateCount = dimensions.G * dimensions.H
        let weightsByToken = parameter("rnn.weight_ih_l\(layer)")
        let units = dimensions.unitsOfBlock
        try launch(
            kernels.stepForward, grid: ((dimensions.H + units - 1) / units, (shape.B + 31) / 32, 1),
            threads: 128,
            [
                .int(shape.B), .int(dimensions.H), .address(recurrentWeights(layer: layer)),
                .address(parameter("rnn.bias_hh_l\(layer)")),
                .address(
                    looksUp ? weightsByToken : at(memory.gateInputs).float(t * shape.B * gateCount)),
                looksUp ? record(memory.record.inputs + t * shape.B) : .null,
                looksUp ? .address(parameter("rnn.bias_ih_l\(layer)")) : .null,
                .address(states(layer: layer, t)), .int(stateStride),
                argument(layout.vectors(ofLayer: layer).first.map(parameter)), .int(layout.vectorStride),
                argument(formulaInput(layer: layer, t)),
                record(memory.record.stateMasks(layer: layer)), .int(t), .address(saved(layer: layer, t)),
                shape.hasDropout ? .address(at(memory.outputs[layer]).float(t * stateSize)) : .null,
                record(memory.record.outputMask(layer: layer)), .int(outputTime(t)),
            ])
    }

    /// A layer's states before a step.
    func states(layer: Int, _ t: Int) -> DeviceAddress {
        at(memory.states).float(layer * dimensions.states * stateStride + t * stateSize)
    }

    /// What a layer's formula saves at a step.
    func saved(layer: Int, _ t: Int) -> DeviceAddress {
        at(memory.saved[layer]).float(t * dimensions.saved * stateSize)
    }

    /// How far the time of an output's mask goes on in a step.
    var outputPace: Int { shape.usesVariationalDropout ? 0 : 1 }

    /// The time at which a step looks up the mask of an output.
    func outputTime(_ t: Int) -> Int { t * outputPace }

    // MARK: Decoder

    /// Logits of all tokens, [T B, V].
    func logits(of output: Matrix) throws(CUDAError) {
        try product(
            output, Matrix(parameter(decoderWeight), rows: dimensions.V, columns: dimensions.H).transposed,
            plus: parameter("decoder.bias"), into: at(memory.logits))
    }

    /// Losses, and in place of the logits their gradients, or probabilities.
    func crossEntropy(of output: Matrix, gradients: Bool) throws {
        let (rows, V) = (shape.tokenCount, dimensions.V)
        let targets = record(memory.record.targets)
        let outcome = KernelArgument.int(gradients ? 0 : 1)
        let found: [KernelArgument] = [.address(at(memory.losses)), .address(at(memory.entropies))]
        if V <= 128 {
            try launch(
                kernels.smallCrossEntropy, grid: ((rows + 31) / 32, 1, 1), threads: 128,
                [
                    .int(rows), .int(dimensions.H), .int(V), .address(output.address),
                    .address(parameter(decoderWeight)), .address(parameter("decoder.bias")), targets,
                    .address(at(memory.step)), outcome, .address(at(memory.logits)),
                ] + found)
        } else {
            try logits(of: output)
            try launch(
                kernels.largeCrossEntropy, grid: (rows, 1, 1), threads: 256,
                [.int(V), .address(at(memory.logits)), targets, .address(at(memory.step)), outcome] + found)
        }
    }
}
