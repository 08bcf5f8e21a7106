/// Keras' names and layout: `kernel`, `[I, G H]`, `recurrent_kernel`, `[H, G H]`, and `bias`.
///
/// The gates of an LSTM stand in PyTorch's order; those of a GRU are update gate, reset gate, candidate. A GRU of
/// `reset_after=True`, the default, has PyTorch's formula and a bias of `[2, G H]`.
enum KerasLayout: ForeignLayout {
    static let framework = ForeignFramework.keras

    private static let hiddenName = "recurrent_kernel"

    static func isRecurrent(_ name: String) -> Bool { TensorName(name).leaf == hiddenName }

    static func takeLayers(from pool: inout TensorPool) throws(ImportError) -> [ForeignLayer] {
        let names = pool.names.filter(isRecurrent)
        if let name = names.first(where: { TensorName($0).isBidirectional }) {
            throw .unsupportedFeature(.bidirectional, tensor: name)
        }
        return try names.map { name throws(ImportError) in
            try layer(TensorName(name).prefix, from: &pool)
        }
    }

    private static func layer(
        _ prefix: String, from pool: inout TensorPool
    ) throws(ImportError) -> ForeignLayer {
        let (hiddenName, inputName, biasName) = (prefix + hiddenName, prefix + "kernel", prefix + "bias")
        let shapes = [inputName, hiddenName, biasName].map { pool.shape(of: $0) }
        if let shape = shapes[1], shape.count > 2 {
            throw .unsupportedFeature(.convolution, tensor: hiddenName)
        }
        let expected = "[H, G H] with 1, 3 or 4 gates"
        let hidden = try pool.takeMatrix(hiddenName, expected: expected)
        let (size, rows) = (hidden.rows, hidden.columns)
        guard let gates = ForeignLayer.gateCount(gateSize: rows, hiddenSize: size) else {
            throw .wrongShape(name: hiddenName, shape: [size, rows], expected: expected)
        }
        let input = try pool.takeMatrix(inputName, columns: rows, expected: "[I, \(rows)]")
        let isGRU = gates == 3
        let order = isGRU ? [1, 0, 2] : Array(0..<gates)
        var biases: [[Float]] = []
        if isGRU, let shape = shapes[2] {
            guard shape != [rows] else { throw .unsupportedFeature(.resetBefore, tensor: biasName) }
            let bias = try pool.takeMatrix(biasName, rows: 2, columns: rows, expected: "[2, \(rows)]")
            biases = [Array(bias.values[..<rows]), Array(bias.values[rows...])]
        } else if let bias = try pool.takeVector(biasName, count: rows, expected: "[\(rows)]") {
            biases = [bias]
        }
        biases = biases.map { $0.reordered(blocks: order, of: size) }
        let notes = "transposed" + (isGRU ? ", gates z r h as r z n" : "")
        // Without biases the two formulas of a GRU have the same tensors.
        let assumption = isGRU && biases.isEmpty ? ", as with reset_after=True" : ""
        let sources = [
            (inputName, shapes[0], "weight_ih", notes),
            (hiddenName, shapes[1], "weight_hh", notes + assumption),
            (
                biasName, shapes[2], isGRU ? "bias_ih and bias_hh" : "bias_ih",
                isGRU ? "gates z r h as r z n" : nil
            ),
        ].compactMap { name, shape, parameter, note in
            shape.map { ForeignLayer.Source(name: name, shape: $0, parameter: parameter, note: note) }
        }
        return ForeignLayer(
            prefix: prefix, index: 0,
            inputWeights: input.transposed.reordered(blocks: order, height: size),
            hiddenWeights: hidden.transposed.reordered(blocks: order, height: size),
            inputBias: biases.first, hiddenBias: biases.dropFirst().first, sources: sources)
    }
}
