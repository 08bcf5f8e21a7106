/// What a language model is made of, apart from its vocabulary and the values of its parameters.
///
/// Tokens go into a stack of recurrent layers, each reading the output of the one below, and a linear decoder turns the
/// output of the last into a logit for every token. The first layer sees a token as a one-hot vector or, with an
/// embedding, as a vector that is learned.
public struct ModelConfiguration: Sendable {
    /// The formula of one recurrent step.
    public var cell: any RecurrentCell.Type
    /// Hidden units of every layer, `H`.
    public var hiddenSize: Int
    /// Recurrent layers, `L`.
    public var layerCount: Int
    /// The size of the vector that stands for a token, `E`; nil for one-hot vectors.
    public var embeddingSize: Int?
    /// Whether the decoder's weights are the embedding's, which then are of the layers' size.
    ///
    /// Press, Wolf, "Using the output embedding to improve language models", EACL 2017.
    public var tiesWeights: Bool
    /// Whether `bias_hh` is and stays zero, so that a layer learns one bias, as the book's, instead of PyTorch's two.
    ///
    /// With two that are added, gradient descent learns their sum at twice the rate.
    public var hasSingleBias: Bool
    /// How often states stay as they are while the model is trained; what that comes to when it is used.
    public var zoneout: Zoneout

    /// Describes a model; the default is that of "RNN from scratch".
    public init(
        cell: any RecurrentCell.Type = TanhCell.self, hiddenSize: Int = 512, layerCount: Int = 1,
        embeddingSize: Int? = nil, tiesWeights: Bool = false, hasSingleBias: Bool = false,
        zoneout: Zoneout = Zoneout()
    ) {
        self.cell = cell
        self.hiddenSize = hiddenSize
        self.layerCount = layerCount
        self.embeddingSize = embeddingSize
        self.tiesWeights = tiesWeights
        self.hasSingleBias = hasSingleBias
        self.zoneout = zoneout
    }

    /// The states of the cell that zoneout acts on.
    package var zonedStates: [Int] {
        cell.states.indices.filter { zoneout.probability(ofState: $0) > 0 }
    }

    /// The cell's formula with its masks, and its gradient.
    package func cellGraph() throws(ModelError) -> CellGraph {
        try CellGraph(of: cell, maskedStates: zonedStates)
    }

    /// The cells that `--cell` and model folders know by name.
    public static let builtInCells: [any RecurrentCell.Type] = [
        TanhCell.self, ReLUCell.self, LSTMCell.self, GRUCell.self,
    ]

    /// How many hidden units a layer may have; one more and the recurrent weights alone would be past 17 gigabytes.
    public static let hiddenSizes = 1...65_536
    /// How many layers a model may have.
    public static let layerCounts = 1...64
    /// How large the vector that stands for a token may be.
    public static let embeddingSizes = hiddenSizes

    /// Checks that the cell is well-formed and the sizes are such that shapes can be computed.
    package func check() throws(ModelError) {
        _ = try cellGraph()
        for probability in [zoneout.output, zoneout.memory] where !(0..<1).contains(probability) {
            throw .invalidZoneout(probability)
        }
        guard Self.hiddenSizes.contains(hiddenSize) else { throw .invalidHiddenSize(hiddenSize) }
        guard Self.layerCounts.contains(layerCount) else { throw .invalidLayerCount(layerCount) }
        if let embeddingSize, !Self.embeddingSizes.contains(embeddingSize) {
            throw .invalidEmbeddingSize(embeddingSize)
        }
        guard !tiesWeights || embeddingSize == hiddenSize else {
            throw .untieableWeights(embeddingSize: embeddingSize, hiddenSize: hiddenSize)
        }
    }

    /// Names and shapes of all parameters for a vocabulary of `vocabularySize` tokens, as PyTorch has them.
    ///
    /// Tied weights occur once, as `embedding.weight`.
    public func parameterShapes(vocabularySize: Int) -> [(name: String, shape: [Int])] {
        // A product that overflows belongs to a size that `check()` refuses.
        let gateRows = cell.gates.count.multipliedReportingOverflow(by: hiddenSize).partialValue
        var shapes: [(name: String, shape: [Int])] = []
        if let embeddingSize { shapes.append(("embedding.weight", [vocabularySize, embeddingSize])) }
        for layer in 0..<max(layerCount, 0) {
            let inputSize = layer == 0 ? embeddingSize ?? vocabularySize : hiddenSize
            shapes += [
                ("rnn.weight_ih_l\(layer)", [gateRows, inputSize]),
                ("rnn.weight_hh_l\(layer)", [gateRows, hiddenSize]),
                ("rnn.bias_ih_l\(layer)", [gateRows]),
                ("rnn.bias_hh_l\(layer)", [gateRows]),
            ]
        }
        if !tiesWeights { shapes.append(("decoder.weight", [vocabularySize, hiddenSize])) }
        shapes.append(("decoder.bias", [vocabularySize]))
        return shapes
    }
}
