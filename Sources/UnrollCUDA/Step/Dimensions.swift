import UnrollModel

/// The sizes of a network, under the letters that they have everywhere.
struct Dimensions: Sendable, Hashable {
    /// Tokens of the vocabulary.
    let V: Int
    /// Hidden units.
    let H: Int
    /// Layers.
    let L: Int
    /// Gates.
    let G: Int
    /// The size of a token's vector; nil for one-hot vectors.
    let E: Int?
    /// States of the cell.
    let states: Int
    /// Learned vectors of a layer.
    let vectors: Int
    /// Values that the cell's formula saves for its gradient.
    let saved: Int
    /// Units of a block of `step_forward`.
    let unitsOfBlock: Int
    /// Whether the formula reads what its layer reads.
    let readsLayerInput: Bool
    /// Whether halves of gates have gradients of their own.
    let hasSplitGates: Bool
    let tiesWeights: Bool
    let hasSingleBias: Bool

    /// The sizes of a model with this cell.
    init(_ configuration: ModelConfiguration, vocabularySize: Int, graph: CellGraph, cell: CellSource) {
        V = vocabularySize
        H = configuration.hiddenSize
        L = configuration.layerCount
        G = graph.gateCount
        E = configuration.embeddingSize
        states = graph.stateCount
        vectors = graph.parameterCount
        saved = cell.savedCount
        unitsOfBlock = cell.unitsOfBlock
        readsLayerInput = graph.readsLayerInput
        hasSplitGates = !graph.splitGates.isEmpty
        tiesWeights = configuration.tiesWeights
        hasSingleBias = configuration.hasSingleBias
    }

    /// Numbers in the carried states of `B` rows, [L, states, B, H].
    func carriedCount(batchSize B: Int) -> Int { L * states * B * H }
}
