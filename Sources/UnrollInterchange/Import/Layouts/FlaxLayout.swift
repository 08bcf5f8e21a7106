/// Flax' names and layouts: a dense layer for each gate and each of input and state, or one for all gates of each.
///
/// Linen has `ii`, `if`, `ig`, `io` and `hi`, `hf`, `hg`, `ho` in an LSTM, `ir`, `iz`, `in` and `hr`, `hz`, `hn` in a GRU,
/// `i` and `h` in a simple cell; NNX the same of an LSTM, with `if_`, and `dense_i` and `dense_h` in its other cells. Each
/// has a `kernel`, `[I, H]` or `[I, G H]`, and perhaps a `bias`.
enum FlaxLayout: ForeignLayout {
    static let framework = ForeignFramework.flax

    /// The dense layers of a cell in the order of PyTorch's gates.
    private struct Form {
        let input: [String]
        let hidden: [String]
        /// The gates of each dense layer.
        var gates = 1
    }

    private static let forms = [
        Form(input: ["ii", "if", "ig", "io"], hidden: ["hi", "hf", "hg", "ho"]),
        Form(input: ["ii", "if_", "ig", "io"], hidden: ["hi", "hf", "hg", "ho"]),
        Form(input: ["ir", "iz", "in"], hidden: ["hr", "hz", "hn"]),
        Form(input: ["i"], hidden: ["h"]),
        Form(input: ["dense_i"], hidden: ["dense_h"], gates: 4),
        Form(input: ["dense_i"], hidden: ["dense_h"], gates: 3),
        Form(input: ["dense_i"], hidden: ["dense_h"], gates: 1),
    ]
    private static let hiddenNames: Set<String> = ["hi", "hf", "hg", "ho", "hr", "hz", "hn", "h", "dense_h"]

    static func isRecurrent(_ name: String) -> Bool {
        let name = TensorName(name)
        return name.leaf == "kernel" && hiddenNames.contains(name.parent.leaf)
    }

    static func takeLayers(from pool: inout TensorPool) throws(ImportError) -> [ForeignLayer] {
        var (layers, seen) = ([ForeignLayer](), Set<String>())
        for name in pool.names where isRecurrent(name) {
            let kernel = TensorName(name)
            if kernel.isBidirectional { throw .unsupportedFeature(.bidirectional, tensor: name) }
            guard seen.insert(kernel.parent.prefix).inserted else { continue }
            // The separator of this file's names.
            let separator = String(kernel.prefix.suffix(1))
            layers.append(try layer(kernel.parent.prefix, separator: separator, having: name, from: &pool))
        }
        return layers
    }

    private static func layer(
        _ prefix: String, separator: String, having name: String, from pool: inout TensorPool
    ) throws(ImportError) -> ForeignLayer {
        func kernel(_ dense: String) -> String { prefix + dense + separator + "kernel" }
        let form = forms.first { form in
            guard form.input.allSatisfy({ pool.shape(of: kernel($0)) != nil }),
                let shape = pool.shape(of: kernel(form.hidden[0])), shape.count == 2, shape[0] > 0
            else { return false }
            return shape[1].isMultiple(of: shape[0]) && shape[1] / shape[0] == form.gates
        }
        guard let form else {
            let isMinimal = pool.shape(of: kernel("hf")) != nil && pool.shape(of: kernel("ii")) == nil
            throw isMinimal
                ? .unsupportedFeature(.minimalGatedUnit, tensor: name)
                : .wrongShape(
                    name: name, shape: pool.shape(of: name) ?? [],
                    expected: "[H, H] or, for all gates, [H, G H], beside a kernel of the input for each")
        }
        let size = pool.shape(of: kernel(form.hidden[0]))?[0] ?? 0
        var sources: [ForeignLayer.Source] = []
        let hidden = try denses(
            form.hidden, "hh", rows: size, columns: form.gates * size, noting: &sources, from: &pool, kernel)
        let input = try denses(
            form.input, "ih", rows: nil, columns: form.gates * size, noting: &sources, from: &pool, kernel)
        return ForeignLayer(
            prefix: prefix, index: 0, inputWeights: input.weights, hiddenWeights: hidden.weights,
            inputBias: input.bias, hiddenBias: hidden.bias, sources: sources)
    }

    /// Takes dense layers, the gates one below the other; the bias is nil if no layer has one.
    private static func denses(
        _ names: [String], _ suffix: String, rows: Int?, columns: Int,
        noting sources: inout [ForeignLayer.Source], from pool: inout TensorPool, _ kernel: (String) -> String
    ) throws(ImportError) -> (weights: Matrix, bias: [Float]?) {
        var (matrices, biases, hasBias, rows) = ([Matrix](), [Float](), false, rows)
        for (gate, name) in names.enumerated() {
            let (kernel, bias) = (kernel(name), TensorName(kernel(name)).prefix + "bias")
            let part = names.count > 1 ? "gate \(gate + 1) of \(names.count)" : nil
            for (name, parameter, note) in [
                (kernel, "weight_\(suffix)", ["transposed", part]), (bias, "bias_\(suffix)", [part]),
            ] {
                guard let shape = pool.shape(of: name) else { continue }
                let note = note.compactMap(\.self)
                sources.append(
                    .init(
                        name: name, shape: shape, parameter: parameter,
                        note: note.isEmpty ? nil : note.joined(separator: ", ")))
            }
            let matrix = try pool.takeMatrix(
                kernel, rows: rows, columns: columns,
                expected: "[\(rows.map(String.init) ?? "I"), \(columns)]")
            rows = matrix.rows
            matrices.append(matrix.transposed)
            let values = try pool.takeVector(bias, count: columns, expected: "[\(columns)]")
            hasBias = hasBias || values != nil
            biases += values ?? [Float](repeating: 0, count: columns)
        }
        return (Matrix.stacked(matrices), hasBias ? biases : nil)
    }
}
