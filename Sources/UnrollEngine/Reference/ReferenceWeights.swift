import UnrollModel

/// The parameters of a model in double precision, or their gradients.
struct ReferenceWeights {
    /// Laid out as `[G H, V]`.
    var input: [Double]
    /// Laid out as `[G H, H]`.
    var hidden: [Double]
    /// Laid out as `[G H]`.
    var inputBias: [Double]
    /// Laid out as `[G H]`.
    var hiddenBias: [Double]
    /// Laid out as `[V, H]`.
    var decoder: [Double]
    /// Laid out as `[V]`.
    var decoderBias: [Double]

    /// Takes parameters that have been checked against the configuration.
    init(_ parameters: Parameters) {
        func values(_ name: String) -> [Double] { parameters[name]?.values.map(Double.init) ?? [] }
        input = values("rnn.weight_ih_l0")
        hidden = values("rnn.weight_hh_l0")
        inputBias = values("rnn.bias_ih_l0")
        hiddenBias = values("rnn.bias_hh_l0")
        decoder = values("decoder.weight")
        decoderBias = values("decoder.bias")
    }

    /// In the order of `ModelConfiguration.parameterShapes`.
    var all: [[Double]] {
        get { [input, hidden, inputBias, hiddenBias, decoder, decoderBias] }
        set {
            (input, hidden, inputBias) = (newValue[0], newValue[1], newValue[2])
            (hiddenBias, decoder, decoderBias) = (newValue[3], newValue[4], newValue[5])
        }
    }

    var zeros: ReferenceWeights {
        var copy = self
        copy.all = all.map { [Double](repeating: 0, count: $0.count) }
        return copy
    }

    mutating func descend(_ gradients: ReferenceWeights, rate: Double) {
        all = zip(all, gradients.all).map { zip($0, $1).map { $0 - rate * $1 } }
    }
}
