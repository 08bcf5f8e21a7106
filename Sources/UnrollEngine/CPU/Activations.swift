import CUnrollKernels
import UnrollKernels

/// The memory of one minibatch: states, saved values, gradients, logits, all as panels over time.
///
/// Allocated for the largest minibatch so far and laid out for the present one.
final class Activations {
    /// The memory of one recurrent layer.
    struct Layer {
        /// Each state before step `t` at `t`: `[T + 1][P][B][32]`.
        let states: [UnrollPanels]
        /// The first state as an operand.
        let output: UnrollOperand
        /// What is left of the output after step `t` at `t`, if there is dropout: `[T][P][B][32]`.
        let droppedOutput: UnrollOperand?
        /// For each state, if it is masked, what share of its change happens: `[T][P][B][32]`.
        let masks: [UnrollPanels?]
        /// Values kept for the backward pass: `[T][P][B][32]`.
        let saved: [UnrollPanels]
        /// The gates, then the input's halves of split gates: `[T][(G + split) P][B][32]`.
        let gateGradient: UnrollOperand
        /// What each step and row adds to the gradient of each learned vector: `[T][P][B][32]`.
        let vectorGradients: [UnrollPanels]
    }

    /// The memory of an embedding, `U` rows for the distinct tokens of the minibatch.
    struct Embedding {
        /// The tokens' vectors: `[ceil(E/32)][U][32]`.
        let vectors: UnrollOperand
        /// What they give to the gates of the first layer, and then its gradient: `[G P][U][32]`.
        let gates: UnrollOperand
        /// The gradient of the vectors: `[ceil(E/32)][U][32]`.
        let gradient: UnrollPanels
        /// The vector of every token for a formula that reads it: `[T][P][B][32]`, or no steps.
        let inputs: UnrollPanels
    }

    /// Everything, in one buffer.
    struct Layout {
        let layers: [Layer]
        let embedding: Embedding?
        /// The gradient of each state between two steps: `[P][B][32]`; one layer after the other uses it.
        let carriedGradients: [UnrollPanels]
        /// The gradient of a layer's output, for all steps, if the shape needs it: `[T][P][B][32]`; one layer after
        /// the other uses it.
        let outputGradient: UnrollPanels
        /// Logits, then their gradients: `[T][ceil(V/32)][B][32]`.
        let logits: UnrollOperand
        /// What groups of hidden panels give to the logits of a single token: `[groups][ceil(V/32)][1][32]`.
        let logitParts: UnrollPanels

        init(
            _ buffer: inout BufferDivision, sequenceLength: Int, batchSize: Int, shape: ModelShape,
            savedCount: Int, words: WordFormat, hasDropout: Bool
        ) {
            let panels = shape.hiddenPanels
            layers = (0..<shape.layerCount).map { _ in
                let output = buffer.takeOperand(
                    steps: sequenceLength + 1, panels: panels, rows: batchSize, words: words)
                return Layer(
                    states: [output.values]
                        + (1..<shape.stateCount).map { _ in
                            buffer.takePanels(steps: sequenceLength + 1, panels: panels, rows: batchSize)
                        },
                    output: output,
                    droppedOutput: hasDropout
                        ? buffer.takeOperand(
                            steps: sequenceLength, panels: panels, rows: batchSize, words: words)
                        : nil,
                    masks: shape.zoneout.map {
                        $0 > 0
                            ? buffer.takePanels(steps: sequenceLength, panels: panels, rows: batchSize) : nil
                    },
                    saved: (0..<savedCount).map { _ in
                        buffer.takePanels(steps: sequenceLength, panels: panels, rows: batchSize)
                    },
                    gateGradient: buffer.takeOperand(
                        steps: sequenceLength, panels: shape.gateGradientPanels, rows: batchSize,
                        words: words),
                    vectorGradients: (0..<shape.vectorCount).map { _ in
                        buffer.takePanels(steps: sequenceLength, panels: panels, rows: batchSize)
                    })
            }
            embedding =
                if shape.embeddingSize == nil {
                    nil
                } else {
                    Embedding(
                        sequenceLength: sequenceLength, batchSize: batchSize, shape: shape,
                        words: words, buffer: &buffer)
                }
            carriedGradients = (0..<shape.stateCount).map { _ in
                var gradient = buffer.takePanels(steps: 1, panels: panels, rows: batchSize)
                gradient.time = 0
                return gradient
            }
            outputGradient = buffer.takePanels(
                steps: shape.layerCount > 1 || !shape.hasNarrowDecoder || hasDropout || shape.readsLayerInput
                    ? sequenceLength : 0,
                panels: panels, rows: batchSize)
            logits = buffer.takeOperand(
                steps: sequenceLength, panels: shape.vocabularyPanels, rows: batchSize, words: words)
            logitParts = buffer.takePanels(
                steps: sequenceLength * batchSize == 1 && shape.hasNarrowDecoder
                    ? TokenStep.groupCount(shape) : 0,
                panels: shape.vocabularyPanels, rows: 1)
        }
    }

    let sequenceLength: Int
    let batchSize: Int
    /// Whether there is room for dropout.
    let hasDropout: Bool
    let layout: Layout
    /// The loss of each token in nats, `[T][B]`.
    let losses: UnsafeMutablePointer<Double>

    private let shape: ModelShape
    private let buffer: AlignedBuffer
    private let lossBuffer: AlignedBuffer

    /// Lays out memory for minibatches of this shape, in the buffer of `earlier` where that is large enough.
    init(
        sequenceLength: Int, batchSize: Int, shape: ModelShape, savedCount: Int, words: WordFormat,
        hasDropout: Bool, reusing earlier: Activations?
    ) throws(KernelError) {
        func layOut(_ buffer: inout BufferDivision) -> Layout {
            Layout(
                &buffer, sequenceLength: sequenceLength, batchSize: batchSize, shape: shape,
                savedCount: savedCount,
                words: words, hasDropout: hasDropout)
        }
        let count = BufferDivision.count { _ = layOut(&$0) }
        // A double takes the room of two floats.
        let lossCount = 2 * sequenceLength * batchSize
        if let earlier, earlier.buffer.count >= count, earlier.lossBuffer.count >= lossCount {
            (buffer, lossBuffer) = (earlier.buffer, earlier.lossBuffer)
            buffer.base.update(repeating: 0, count: count)
        } else {
            buffer = try AlignedBuffer(count: count)
            lossBuffer = try AlignedBuffer(count: lossCount)
        }
        var division = BufferDivision(of: buffer.base)
        layout = layOut(&division)
        losses = UnsafeMutableRawPointer(lossBuffer.base).bindMemory(
            to: Double.self, capacity: sequenceLength * batchSize)
        self.shape = shape
        self.sequenceLength = sequenceLength
        self.batchSize = batchSize
        self.hasDropout = hasDropout
    }

    /// Where the slots of a program lie for a layer with these parameters and this minibatch; scratch tiles begin at
    /// `scratch`.
    func address(
        of location: CellProgram.Location, layer index: Int, parameters: PackedParameters.Layer,
        scratch: UnsafeMutablePointer<Float>
    ) -> UnrollPanels {
        let layer = layout.layers[index]
        switch location {
        case .previousState(let state):
            return layer.states[state]
        case .newState(let state):
            return layer.states[state].advanced(steps: 1)
        case .mask(let state):
            // A program has slots for the masks of masked states alone.
            return layer.masks[state] ?? layer.states[state]
        case .saved(let index):
            return layer.saved[index]
        case .gateGradient(let gate):
            return layer.gateGradient.values.advanced(panels: gate * shape.hiddenPanels)
        case .gateInputGradient(let split):
            return layer.gateGradient.values.advanced(
                panels: (shape.gateCount + split) * shape.hiddenPanels)
        case .vector(let index):
            return UnrollPanels(base: parameters.vectors[index], time: 0, panel: PanelLayout.width, row: 0)
        case .vectorGradient(let index):
            return layer.vectorGradients[index]
        case .layerInput:
            return layerInput(of: index)
        case .layerInputGradient:
            return layout.outputGradient
        case .carriedGradient(let state):
            return layout.carriedGradients[state]
        case .scratch(let index):
            return UnrollPanels(base: scratch + index * Self.tileSize, time: 0, panel: 0, row: 0)
        }
    }

    /// What a layer reads in every step, if nothing is dropped.
    private func layerInput(of index: Int) -> UnrollPanels {
        guard index == 0 else { return layout.layers[index - 1].output.values.advanced(steps: 1) }
        return layout.embedding?.inputs ?? layout.outputGradient
    }

    /// Numbers in a scratch tile.
    static let tileSize = PanelLayout.width * Int(UNROLL_TILE_ROWS)
}

extension Activations.Embedding {
    fileprivate init(
        sequenceLength: Int, batchSize: Int, shape: ModelShape, words: WordFormat,
        buffer: inout BufferDivision
    ) {
        let rows = min(shape.vocabularySize, sequenceLength * batchSize)
        vectors = buffer.takeOperand(
            steps: 1, panels: shape.embeddingPanels, rows: rows, words: words)
        gates = buffer.takeOperand(steps: 1, panels: shape.gatePanels, rows: rows, words: words)
        gradient = buffer.takePanels(steps: 1, panels: shape.embeddingPanels, rows: rows)
        inputs = buffer.takePanels(
            steps: shape.readsLayerInput ? sequenceLength : 0, panels: shape.hiddenPanels, rows: batchSize)
    }
}

extension UnrollPanels {
    /// The same tensor from a later step, panel or row on.
    func advanced(steps: Int = 0, panels: Int = 0, rows: Int = 0) -> UnrollPanels {
        var advanced = self
        advanced.base += steps * time + panels * panel + rows * row
        return advanced
    }
}

/// Gives out one buffer piece by piece.
struct BufferDivision {
    private let base: UnsafeMutablePointer<Float>
    private var count = 0

    init(of base: UnsafeMutablePointer<Float>) {
        self.base = base
    }

    /// The number of floats that a division takes, found by dividing a buffer that is never read or written.
    static func count(_ divide: (inout BufferDivision) -> Void) -> Int {
        var nothing: Float = 0
        return withUnsafeMutablePointer(to: &nothing) { base in
            var division = BufferDivision(of: base)
            divide(&division)
            return division.count
        }
    }

    /// Rows from which on a panel is followed by a gap.
    private static let leastPaddedRows = 8

    /// The next `size` floats and, so that all pieces suit vector loads, those up to a multiple of 16.
    mutating func take(_ size: Int) -> UnsafeMutablePointer<Float> {
        defer { count += (size + 15) & ~15 }
        return base + count
    }

    /// A tensor of panels, `[steps][panels][rows][rowSize]`.
    mutating func takePanels(
        steps: Int, panels: Int, rows: Int, rowSize: Int = PanelLayout.width
    ) -> UnrollPanels {
        // A stride that is no power of two: a tile of rows takes a piece of every panel, and at equal distances of 4 KB
        // all these pieces would compete for the same few lines of the caches.
        let panel = rows * rowSize + (rows >= Self.leastPaddedRows ? PanelLayout.width : 0)
        let step = panels * panel
        return UnrollPanels(base: take(steps * step), time: step, panel: panel, row: rowSize)
    }

    /// A tensor of panels and the words that products read in its place.
    mutating func takeOperand(steps: Int, panels: Int, rows: Int, words: WordFormat) -> UnrollOperand {
        let values = takePanels(steps: steps, panels: panels, rows: rows)
        guard words != .float32 else {
            return UnrollOperand(values: values, unit_words: values, row_words: values)
        }
        let unitWords = takePanels(
            steps: steps, panels: panels + words.scalePanels, rows: rows,
            rowSize: PanelLayout.width / words.units)
        let rowWords =
            words.hasRowWords
            ? takePanels(steps: steps, panels: panels, rows: (rows + words.units - 1) / words.units) : values
        return UnrollOperand(values: values, unit_words: unitWords, row_words: rowWords)
    }
}
