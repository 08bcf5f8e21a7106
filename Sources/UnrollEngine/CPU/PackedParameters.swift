import CUnrollKernels
import UnrollKernels
import UnrollModel

/// Sizes of a model in the units of the kernels.
struct ModelShape {
    /// Hidden units, `H`.
    let hiddenSize: Int
    /// Tokens, `V`.
    let vocabularySize: Int
    /// Gates, `G`.
    let gateCount: Int
    /// The gates whose halves from input and previous state are used apart, in rising order.
    let splitGates: [Int]
    /// The number of states.
    let stateCount: Int

    /// Panels of hidden units, `P`.
    var hiddenPanels: Int { PanelLayout.panels(of: hiddenSize) }
    /// Panels of all gates, `G P`.
    var gatePanels: Int { gateCount * hiddenPanels }
    /// Panels of the gradients of all gates, the input's halves of split ones behind the others.
    var gateGradientPanels: Int { (gateCount + splitGates.count) * hiddenPanels }
    /// Panels of tokens.
    var vocabularyPanels: Int { PanelLayout.panels(of: vocabularySize) }
}

/// Parameters, or their gradients, as the kernels read them; the padding is zero.
///
/// Weights are panels of 32 outputs, `[panel][input][32]`: the layout in which the forward pass multiplies and in
/// which the gradient arrives, so that an update is one sweep.
final class PackedParameters {
    /// A stretch of the buffer that clipping and updating treat as one piece of work.
    struct Block {
        let offset: Int
        let count: Int
    }

    let shape: ModelShape
    /// Laid out as `[G P][V][32]`.
    let input: UnsafeMutablePointer<Float>
    /// Laid out as `[G P][32 P][32]`.
    let recurrent: UnsafeMutablePointer<Float>
    /// Laid out as `[G P][32]`.
    let inputBias: UnsafeMutablePointer<Float>
    /// Laid out as `[G P][32]`.
    let hiddenBias: UnsafeMutablePointer<Float>
    /// Laid out as `[ceil(V/32)][32 P][32]`.
    let decoder: UnsafeMutablePointer<Float>
    /// Laid out as `[ceil(V/32)][32]`.
    let decoderBias: UnsafeMutablePointer<Float>
    /// Everything, one after the other.
    let buffer: AlignedBuffer
    /// The panels of all weights and the biases.
    let blocks: [Block]

    init(shape: ModelShape) throws(KernelError) {
        let width = PanelLayout.width
        let recurrentPanel = shape.hiddenPanels * width * width
        let panelSizes: [(count: Int, size: Int)] = [
            (shape.gatePanels, shape.vocabularySize * width), (shape.gatePanels, recurrentPanel),
            (1, shape.gatePanels * width), (1, shape.gatePanels * width),
            (shape.vocabularyPanels, recurrentPanel), (1, shape.vocabularyPanels * width),
        ]
        var blocks: [Block] = []
        var starts: [Int] = []
        var offset = 0
        for (count, size) in panelSizes {
            starts.append(offset)
            for _ in 0..<count {
                blocks.append(Block(offset: offset, count: size))
                offset += size
            }
        }
        buffer = try AlignedBuffer(count: offset)
        self.shape = shape
        self.blocks = blocks
        input = buffer.base + starts[0]
        recurrent = buffer.base + starts[1]
        inputBias = buffer.base + starts[2]
        hiddenBias = buffer.base + starts[3]
        decoder = buffer.base + starts[4]
        decoderBias = buffer.base + starts[5]
    }

    /// One tensor's place: where its element `[row, column]` lies, and whether rows are gates' units.
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
        let rows = shape.gateCount * H
        body("rnn.weight_ih_l0", rows, V) { panel(input, unit($0), $1, V) }
        body("rnn.weight_hh_l0", rows, H) { panel(recurrent, unit($0), $1, P * width) }
        body("rnn.bias_ih_l0", rows, 1) { row, _ in inputBias + unit(row) }
        body("rnn.bias_hh_l0", rows, 1) { row, _ in hiddenBias + unit(row) }
        body("decoder.weight", V, H) { panel(decoder, $0, $1, P * width) }
        body("decoder.bias", V, 1) { row, _ in decoderBias + row }
    }

    /// Takes over parameters that have been checked against the configuration.
    func pack(_ parameters: Parameters) {
        visit { name, rows, columns, address in
            guard let values = parameters[name]?.values else { return }
            for row in 0..<rows {
                for column in 0..<columns { address(row, column).pointee = values[row * columns + column] }
            }
        }
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
