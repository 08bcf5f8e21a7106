/// MLX's names: `Wx`, `Wh` and `bias` of `nn.LSTM`, `b` and `bhn` of `nn.GRU`, `Wxh` and `Whh` of `nn.RNN`.
///
/// Matrices and gates are laid out as PyTorch's are.
enum MLXLayout: ForeignLayout {
    static let framework = ForeignFramework.mlx

    private static let hiddenNames = ["Wh", "Whh"]

    static func isRecurrent(_ name: String) -> Bool { hiddenNames.contains(TensorName(name).leaf) }

    static func takeLayers(from pool: inout TensorPool) throws(ImportError) -> [ForeignLayer] {
        let names = pool.names.filter(isRecurrent)
        return try names.map { name throws(ImportError) in
            let name = TensorName(name)
            return try layer(name.prefix, hiddenName: name.leaf, from: &pool)
        }
    }

    private static func layer(
        _ prefix: String, hiddenName: String, from pool: inout TensorPool
    ) throws(ImportError) -> ForeignLayer {
        let inputName = hiddenName == "Wh" ? "Wx" : "Wxh"
        let sources = [
            (inputName, "weight_ih", nil), (hiddenName, "weight_hh", nil), ("bias", "bias_ih", nil),
            ("b", "bias_ih", nil), ("bhn", "bias_hh", "for the candidate, 0 for the gates"),
        ].compactMap { name, parameter, note in
            pool.shape(of: prefix + name).map {
                ForeignLayer.Source(name: prefix + name, shape: $0, parameter: parameter, note: note)
            }
        }
        let hidden = try pool.takeHiddenWeights(prefix + hiddenName)
        let (rows, size) = (hidden.rows, hidden.columns)
        let input = try pool.takeMatrix(prefix + inputName, rows: rows, expected: "[\(rows), I]")
        // Layers of three gates alone have two biases, of which the second is the candidate's.
        let isGRU = rows == 3 * size
        let bias = try pool.takeVector(prefix + (isGRU ? "b" : "bias"), count: rows, expected: "[\(rows)]")
        let candidateBias =
            isGRU ? try pool.takeVector(prefix + "bhn", count: size, expected: "[\(size)]") : nil
        return ForeignLayer(
            prefix: prefix, index: 0, inputWeights: input, hiddenWeights: hidden, inputBias: bias,
            hiddenBias: candidateBias.map { [Float](repeating: 0, count: 2 * size) + $0 }, sources: sources)
    }
}
