import CUnrollKernels
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
    /// Whether the cell's formula reads what its layer reads.
    let readsLayerInput: Bool
    /// For each layer, the names of its learned vectors.
    let vectorNames: [[String]]

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
        readsLayerInput = graph.readsLayerInput
        vectorNames = (0..<configuration.layerCount).map { configuration.vectors(ofLayer: $0).map(\.name) }
    }

    /// The number of learned vectors of a layer.
    var vectorCount: Int { vectorNames.first?.count ?? 0 }
    /// Panels of hidden units, `P`.
    var hiddenPanels: Int { PanelLayout.panels(of: hiddenSize) }
    /// Panels of all gates, `G P`.
    var gatePanels: Int { gateCount * hiddenPanels }
    /// Panels of the gradients of all gates, the input's halves of split ones after the others.
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

/// Parameters, their gradients or an optimizer's slots, as the kernels read them; the padding is zero.
///
/// Weights are panels of 32 outputs, `[panel][input][32]`: the layout in which the forward pass multiplies and in
/// which the gradient arrives, so that an update is one sweep.
final class PackedParameters {
    /// A stretch of the buffer that clipping and updating treat as one piece of work.
    struct Block {
        let offset: Int
        let count: Int
    }

    /// The parameters of one recurrent layer.
    struct Layer {
        /// Laid out as `[G P][V][32]` for one-hot tokens, otherwise `[G P][32 panels of the input][32]`.
        let input: UnsafeMutablePointer<Float>
        /// Laid out as `[G P][32 P][32]`.
        let recurrent: UnsafeMutablePointer<Float>
        /// Laid out as `[G P][32]`.
        let inputBias: UnsafeMutablePointer<Float>
        /// Laid out as `[G P][32]`.
        let hiddenBias: UnsafeMutablePointer<Float>
        /// The learned vectors, each laid out as `[P][32]`.
        let vectors: [UnsafeMutablePointer<Float>]
    }

    let shape: ModelShape
    /// Laid out as panels of a tensor of `V` rows, `[ceil(E/32)][V][32]`; nil for one-hot tokens and tied weights.
    let embedding: UnsafeMutablePointer<Float>?
    let layers: [Layer]
    /// Laid out as `[ceil(V/32)][32 P][32]`.
    let decoder: UnsafeMutablePointer<Float>
    /// Laid out as `[ceil(V/32)][32]`.
    let decoderBias: UnsafeMutablePointer<Float>
    /// Everything, one after the other.
    let buffer: AlignedBuffer
    /// The panels of all weights, the biases and the learned vectors.
    let blocks: [Block]

    /// Lays out the tensors of a shape, and behind them room for `extra` numbers more.
    init(shape: ModelShape, extra: Int = 0) throws(KernelError) {
        let width = PanelLayout.width
        let squarePanel = shape.hiddenPanels * width * width
        var blocks: [Block] = []
        var offset = 0
        /// Notes so many panels of a size and returns where they begin.
        func place(_ count: Int, _ size: Int) -> Int {
            let start = offset
            for _ in 0..<count {
                blocks.append(Block(offset: offset, count: size))
                offset += size
            }
            return start
        }
        let hasEmbedding = shape.embeddingSize != nil && !shape.tiesWeights
        let embedding = hasEmbedding ? place(shape.embeddingPanels, shape.vocabularySize * width) : nil
        let layers = (0..<shape.layerCount).map { layer in
            [
                place(shape.gatePanels, shape.inputRows(of: layer) * width),
                place(shape.gatePanels, squarePanel),
                place(1, shape.gatePanels * width), place(1, shape.gatePanels * width),
            ] + (0..<shape.vectorCount).map { _ in place(1, shape.hiddenPanels * width) }
        }
        let decoder = place(shape.vocabularyPanels, squarePanel)
        let decoderBias = place(1, shape.vocabularyPanels * width)

        let buffer = try AlignedBuffer(count: offset + extra)
        self.buffer = buffer
        self.shape = shape
        self.blocks = blocks
        self.embedding = embedding.map { buffer.base + $0 }
        self.layers = layers.map {
            Layer(
                input: buffer.base + $0[0], recurrent: buffer.base + $0[1], inputBias: buffer.base + $0[2],
                hiddenBias: buffer.base + $0[3], vectors: $0[4...].map { buffer.base + $0 })
        }
        self.decoder = buffer.base + decoder
        self.decoderBias = buffer.base + decoderBias
    }

    /// Creates a number of them.
    static func several(
        _ count: Int, shape: ModelShape, extra: Int = 0
    ) throws(KernelError) -> [PackedParameters] {
        var several: [PackedParameters] = []
        for _ in 0..<count { several.append(try PackedParameters(shape: shape, extra: extra)) }
        return several
    }

    /// The address of an element of the decoder's weights.
    func decoderWeight(token: Int, unit: Int) -> UnsafeMutablePointer<Float> {
        let width = PanelLayout.width
        return decoder + (token / width * shape.hiddenPanels * width + unit) * width + token % width
    }

    /// Copies 32 numbers of the vector that stands for a token.
    func copyVector(of token: Int, panel: Int, to vector: UnsafeMutablePointer<Float>) {
        let width = PanelLayout.width
        if let embedding {
            vector.update(from: embedding + (panel * shape.vocabularySize + token) * width, count: width)
        } else {
            for unit in 0..<width {
                vector[unit] = decoderWeight(token: token, unit: panel * width + unit).pointee
            }
        }
    }

    /// One tensor's place: where its element `[row, column]` lies.
    private func visit(
        _ body: (
            _ name: String, _ rows: Int, _ columns: Int, _ address: (Int, Int) -> UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        let width = PanelLayout.width
        let (H, V, P) = (shape.hiddenSize, shape.vocabularySize, shape.hiddenPanels)
        /// The padded index of a gate's unit, given PyTorch's row.
        func unit(_ row: Int) -> Int { row / H * P * width + row % H }
        func panel(_ base: UnsafeMutablePointer<Float>, _ unit: Int, _ inner: Int, _ inners: Int)
            -> UnsafeMutablePointer<Float>
        {
            base + (unit / width * inners + inner) * width + unit % width
        }
        if let embeddingSize = shape.embeddingSize {
            body("embedding.weight", V, embeddingSize) { token, unit in
                embedding.map { panel($0, unit, token, V) } ?? decoderWeight(token: token, unit: unit)
            }
        }
        let rows = shape.gateCount * H
        for (index, layer) in layers.enumerated() {
            let inputRows = shape.inputRows(of: index)
            let inputSize = index > 0 ? H : shape.embeddingSize ?? V
            body("rnn.weight_ih_l\(index)", rows, inputSize) { panel(layer.input, unit($0), $1, inputRows) }
            body("rnn.weight_hh_l\(index)", rows, H) { panel(layer.recurrent, unit($0), $1, P * width) }
            body("rnn.bias_ih_l\(index)", rows, 1) { row, _ in layer.inputBias + unit(row) }
            body("rnn.bias_hh_l\(index)", rows, 1) { row, _ in layer.hiddenBias + unit(row) }
            for (name, vector) in zip(shape.vectorNames[index], layer.vectors) {
                body(name, H, 1) { row, _ in vector + row }
            }
        }
        if !shape.tiesWeights {
            body("decoder.weight", V, H) { decoderWeight(token: $0, unit: $1) }
        }
        body("decoder.bias", V, 1) { row, _ in decoderBias + row }
    }

    /// Takes over parameters that have been checked against the configuration.
    func pack(_ parameters: ModelParameters) {
        visit { name, rows, columns, address in
            guard let values = parameters[name]?.values else { return }
            for row in 0..<rows {
                for column in 0..<columns { address(row, column).pointee = values[row * columns + column] }
            }
        }
    }

    /// Exchanges all numbers with those of a model of the same shape.
    func exchange(with other: PackedParameters) {
        for index in 0..<buffer.count { swap(&buffer.base[index], &other.buffer.base[index]) }
    }

    /// Returns the tensors under PyTorch's names.
    func unpacked<Scalar: BinaryFloatingPoint & Sendable>(as shapes: [(name: String, shape: [Int])])
        -> NamedTensors<Scalar>
    {
        var tensors: [String: [Scalar]] = [:]
        visit { name, rows, columns, address in
            var values: [Scalar] = []
            values.reserveCapacity(rows * columns)
            for row in 0..<rows {
                for column in 0..<columns { values.append(Scalar(address(row, column).pointee)) }
            }
            tensors[name] = values
        }
        return NamedTensors(
            shapes.map { .init(name: $0.name, shape: $0.shape, values: tensors[$0.name] ?? []) })
    }
}
