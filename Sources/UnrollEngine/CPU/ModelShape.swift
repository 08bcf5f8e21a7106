import UnrollKernels
import UnrollModel

/// Sizes of a model in the units of the kernels.
struct ModelShape {
    /// Hidden units, `H`.
    let hiddenSize: Int
    /// Tokens, `V`.
    let vocabularySize: Int
    /// The size of the vector that stands for a token, `E`; nil for one-hot vectors.
    let embeddingSize: Int?
    /// Whether the embedding is the decoder's weights.
    let tiesWeights: Bool
    /// Whether the biases of the products with the state stay zero.
    let hasSingleBias: Bool
    /// Recurrent layers, `L`.
    let layerCount: Int
    /// Gates, `G`.
    let gateCount: Int
    /// The gates whose halves from input and previous state are used apart, in rising order.
    let splitGates: [Int]
    /// The number of states.
    let stateCount: Int
    /// For each state, the probability that a unit's stays as it is, `[states]`.
    let zoneout: [Float]

    init(_ configuration: ModelConfiguration, vocabularySize: Int, graph: CellGraph) {
        hiddenSize = configuration.hiddenSize
        self.vocabularySize = vocabularySize
        embeddingSize = configuration.embeddingSize
        tiesWeights = configuration.tiesWeights
        hasSingleBias = configuration.hasSingleBias
        layerCount = configuration.layerCount
        gateCount = graph.gateCount
        splitGates = graph.splitGates
        stateCount = graph.stateCount
        zoneout = configuration.cell.states.indices.map(configuration.zoneout.probability(ofState:))
    }

    /// Panels of hidden units, `P`.
    var hiddenPanels: Int { PanelLayout.panels(of: hiddenSize) }
    /// Panels of all gates, `G P`.
    var gatePanels: Int { gateCount * hiddenPanels }
    /// Panels of the gradients of all gates, the input's halves of split ones behind the others.
    var gateGradientPanels: Int { (gateCount + splitGates.count) * hiddenPanels }
    /// Panels of tokens.
    var vocabularyPanels: Int { PanelLayout.panels(of: vocabularySize) }
    /// Panels of the vector that stands for a token.
    var embeddingPanels: Int { PanelLayout.panels(of: embeddingSize ?? 0) }

    /// What a layer multiplies its input weights with, in panels; nil for one-hot vectors, which take a row of them.
    func inputPanels(of layer: Int) -> Int? {
        if layer > 0 { return hiddenPanels }
        return embeddingSize.map { PanelLayout.panels(of: $0) }
    }

    /// Rows of a panel of a layer's input weights.
    func inputRows(of layer: Int) -> Int {
        inputPanels(of: layer).map { $0 * PanelLayout.width } ?? vocabularySize
    }

    /// Whether the decoder is so narrow that its gradient is multiplied with its weights inside the recurrence, where
    /// that saves a pass over memory, and its logits stay in the cache until they are gradients.
    var hasNarrowDecoder: Bool { vocabularyPanels <= 8 }

    /// The first panel, among those of the gates' gradients, of what the input gives to a gate.
    func inputPanel(ofGate gate: Int) -> Int {
        (splitGates.firstIndex(of: gate).map { gateCount + $0 } ?? gate) * hiddenPanels
    }
}
