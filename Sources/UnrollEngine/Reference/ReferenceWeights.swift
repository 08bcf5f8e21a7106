import UnrollModel

/// The parameters of a model in double precision, or their gradients.
struct ReferenceWeights {
    /// Laid out as `[V, E]`; nil if tokens are one-hot vectors.
    var embedding: [Double]?
    var layers: [ReferenceLayer]
    /// Laid out as `[V, H]`; a copy of the embedding's weights if these are tied.
    var decoder: [Double]
    /// Laid out as `[V]`.
    var decoderBias: [Double]

    private let configuration: ModelConfiguration

    /// Takes tensors in the order of `ModelConfiguration.parameterShapes`.
    init(_ tensors: [[Double]], of configuration: ModelConfiguration) {
        var rest = tensors[...]
        let embedding = configuration.embeddingSize == nil ? nil : rest.removeFirst()
        self.embedding = embedding
        layers = (0..<configuration.layerCount).map { _ in
            ReferenceLayer(
                input: rest.removeFirst(), hidden: rest.removeFirst(), inputBias: rest.removeFirst(),
                hiddenBias: rest.removeFirst())
        }
        let tied = configuration.tiesWeights ? embedding : nil
        decoder = tied ?? rest.removeFirst()
        decoderBias = rest.removeFirst()
        self.configuration = configuration
    }

    /// In the order of `ModelConfiguration.parameterShapes`.
    var all: [[Double]] {
        let recurrent = layers.flatMap { [$0.input, $0.hidden, $0.inputBias, $0.hiddenBias] }
        let output = configuration.tiesWeights ? [decoderBias] : [decoder, decoderBias]
        return (embedding.map { [$0] } ?? []) + recurrent + output
    }

    var zeros: ReferenceWeights {
        ReferenceWeights(all.map { [Double](repeating: 0, count: $0.count) }, of: configuration)
    }

    /// The same gradients, with those of both uses of tied weights added up.
    var addingTied: ReferenceWeights {
        guard let embedding, configuration.tiesWeights else { return self }
        var sum = self
        sum.embedding = zip(embedding, decoder).map { $0 + $1 }
        return sum
    }
}
