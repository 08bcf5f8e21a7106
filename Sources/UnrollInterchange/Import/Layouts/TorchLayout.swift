/// PyTorch's names and layout, which are those of models: `weight_ih_l0` and `weight_hh_l0`, `[G H, I]` and `[G H, H]`.
enum TorchLayout: ForeignLayout {
    static let framework = ForeignFramework.torch

    /// A name of `nn.RNN`, `nn.LSTM` or `nn.GRU`, or without a layer one of `nn.LSTMCell` and its kin.
    private struct Parameter {
        let prefix: String
        let parameter: String
        /// The part of the name after the parameter.
        let suffix: String
        /// The number of the layer; nil for a suffix of another kind.
        let layer: Int?

        init?(_ name: String) {
            let name = TensorName(name)
            let parameters = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
            guard let parameter = parameters.first(where: name.leaf.hasPrefix) else { return nil }
            (prefix, self.parameter) = (name.prefix, parameter)
            suffix = String(name.leaf.dropFirst(parameter.count))
            layer = suffix.isEmpty ? 0 : suffix.hasPrefix("_l") ? Int(suffix.dropFirst(2)) : nil
        }
    }

    static func isRecurrent(_ name: String) -> Bool {
        Parameter(name) != nil || isReparameterized(name)
    }

    /// Whether `torch.nn.utils.parametrizations` has put the parameter in place of another.
    private static func isReparameterized(_ name: String) -> Bool {
        ["parametrizations.weight_ih", "parametrizations.weight_hh"].contains { name.contains($0) }
    }

    static func takeLayers(from pool: inout TensorPool) throws(ImportError) -> [ForeignLayer] {
        var places: [(prefix: String, layer: Int, suffix: String)] = []
        for name in pool.names {
            if isReparameterized(name) { throw .unsupportedFeature(.reparameterization, tensor: name) }
            guard let parameter = Parameter(name) else { continue }
            if parameter.suffix.hasSuffix("_reverse") {
                throw .unsupportedFeature(.bidirectional, tensor: name)
            }
            if parameter.parameter == "weight_hr" { throw .unsupportedFeature(.projection, tensor: name) }
            guard let layer = parameter.layer else {
                throw .unsupportedFeature(.reparameterization, tensor: name)
            }
            let place = (parameter.prefix, layer, parameter.suffix)
            if !places.contains(where: { $0 == place }) { places.append(place) }
        }
        return try places.map { place throws(ImportError) in
            try layer(place.layer, of: place.prefix, suffix: place.suffix, from: &pool)
        }
    }

    private static func layer(
        _ index: Int, of prefix: String, suffix: String, from pool: inout TensorPool
    ) throws(ImportError) -> ForeignLayer {
        func name(_ parameter: String) -> String { prefix + parameter + suffix }
        let sources = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].compactMap { parameter in
            pool.shape(of: name(parameter)).map {
                ForeignLayer.Source(name: name(parameter), shape: $0, parameter: parameter, note: nil)
            }
        }
        let hidden = try pool.takeHiddenWeights(name("weight_hh"))
        return ForeignLayer(
            prefix: prefix, index: index,
            inputWeights: try pool.takeMatrix(
                name("weight_ih"), rows: hidden.rows, expected: "[\(hidden.rows), I]"),
            hiddenWeights: hidden,
            inputBias: try pool.takeVector(
                name("bias_ih"), count: hidden.rows, expected: "[\(hidden.rows)]"),
            hiddenBias: try pool.takeVector(
                name("bias_hh"), count: hidden.rows, expected: "[\(hidden.rows)]"),
            sources: sources)
    }
}

extension TensorPool {
    /// Takes the recurrent weights of a layer out, `[G H, H]`.
    mutating func takeHiddenWeights(_ name: String) throws(ImportError) -> Matrix {
        let (expected, shape) = ("[G H, H] with 1, 3 or 4 gates", shape(of: name) ?? [])
        let matrix = try takeMatrix(name, expected: expected)
        guard ForeignLayer.gateCount(gateSize: matrix.rows, hiddenSize: matrix.columns) != nil else {
            throw .wrongShape(name: name, shape: shape, expected: expected)
        }
        return matrix
    }
}
