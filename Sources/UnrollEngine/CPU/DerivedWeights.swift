import CUnrollKernels
import UnrollKernels

/// What the kernels need beside the parameters and what follows from them after each update.
final class DerivedWeights {
    /// A matrix of weights as the words of products: over its inputs, and with inputs and outputs exchanged.
    struct Matrix {
        /// Laid out as `[output panels][inputs][32]`; in float32 the parameters themselves.
        let forward: UnsafeMutablePointer<Float>
        /// Laid out as `[input panels][outputs][32]`.
        let transposed: UnsafeMutablePointer<Float>
        /// The parameters, `[output panels][32 input panels][32]`.
        let master: UnsafeMutablePointer<Float>
        let inputPanels: Int
        let outputPanels: Int
    }

    /// What follows from one layer's parameters.
    struct Layer {
        let recurrent: Matrix
        /// Absent for one-hot tokens.
        let input: Matrix?
        /// Both of PyTorch's biases added, `[G P][32]`; of split gates, that of the half from the previous state alone.
        let bias: UnsafeMutablePointer<Float>
        /// What the product of the input is added to, `[G P][32]`: both biases; of split gates, the input's alone.
        let inputBias: UnsafeMutablePointer<Float>
    }

    /// Everything, in one buffer.
    struct Layout {
        let layers: [Layer]
        let decoder: Matrix
        /// The decoder's bias with -infinity in the padding, `[ceil(V/32)][32]`: padding never has a probability.
        let logitBias: UnsafeMutablePointer<Float>

        fileprivate init(_ buffer: inout BufferDivision, parameters: PackedParameters, wordUnits: Int) {
            let shape = parameters.shape
            let width = PanelLayout.width
            layers = parameters.layers.enumerated().map { index, layer in
                Layer(
                    recurrent: Matrix(
                        layer.recurrent, inputPanels: shape.hiddenPanels, outputPanels: shape.gatePanels,
                        wordUnits: wordUnits, buffer: &buffer),
                    input: shape.inputPanels(of: index).map { inputPanels in
                        Matrix(
                            layer.input, inputPanels: inputPanels, outputPanels: shape.gatePanels,
                            wordUnits: wordUnits, buffer: &buffer)
                    },
                    bias: buffer.take(shape.gatePanels * width),
                    inputBias: buffer.take(shape.gatePanels * width))
            }
            decoder = Matrix(
                parameters.decoder, inputPanels: shape.hiddenPanels, outputPanels: shape.vocabularyPanels,
                wordUnits: wordUnits, buffer: &buffer)
            logitBias = buffer.take(shape.vocabularyPanels * width)
        }
    }

    let layout: Layout

    private let parameters: PackedParameters
    private let wordUnits: Int
    private let buffer: AlignedBuffer

    /// Lays out what follows from `parameters`, for kernels whose words hold `wordUnits` numbers.
    init(of parameters: PackedParameters, wordUnits: Int) throws(KernelError) {
        func layOut(_ buffer: inout BufferDivision) -> Layout {
            Layout(&buffer, parameters: parameters, wordUnits: wordUnits)
        }
        buffer = try AlignedBuffer(count: BufferDivision.count { _ = layOut(&$0) })
        var division = BufferDivision(of: buffer.base)
        layout = layOut(&division)
        self.parameters = parameters
        self.wordUnits = wordUnits
    }

    /// Follows the parameters, for the share of a thread out of a number of threads; biases are thread 0's.
    func refresh(kernels: UnsafePointer<UnrollKernels>, thread: Int, threadCount: Int) {
        for layer in layout.layers {
            layer.recurrent.refresh(
                wordUnits: wordUnits, kernels: kernels, thread: thread, threadCount: threadCount)
            layer.input?.refresh(
                wordUnits: wordUnits, kernels: kernels, thread: thread, threadCount: threadCount)
        }
        layout.decoder.refresh(
            wordUnits: wordUnits, kernels: kernels, thread: thread, threadCount: threadCount)
        if thread == 0 { refreshBiases() }
    }

    private func refreshBiases() {
        let width = PanelLayout.width
        let shape = parameters.shape
        for (layer, parameters) in zip(layout.layers, parameters.layers) {
            for unit in 0..<shape.gatePanels * width {
                let isSplit = shape.splitGates.contains(unit / (shape.hiddenPanels * width))
                let (input, hidden) = (parameters.inputBias[unit], parameters.hiddenBias[unit])
                layer.bias[unit] = (isSplit ? 0 : input) + hidden
                layer.inputBias[unit] = input + (isSplit ? 0 : hidden)
            }
        }
        for token in 0..<shape.vocabularyPanels * width {
            layout.logitBias[token] =
                token < shape.vocabularySize ? parameters.decoderBias[token] : -.infinity
        }
    }
}

extension DerivedWeights.Matrix {
    /// Follows the parameters at `master`, for the panels of inputs that are a thread's share.
    func refresh(wordUnits: Int, kernels: UnsafePointer<UnrollKernels>, thread: Int, threadCount: Int) {
        let width = PanelLayout.width
        let blockWords = width * width / wordUnits
        for input in stride(from: thread, to: inputPanels, by: threadCount) {
            for output in 0..<outputPanels {
                let block = output * inputPanels + input
                kernels.pointee.pack_weights(
                    master + block * width * width, forward + block * blockWords,
                    transposed + (input * outputPanels + output) * blockWords)
            }
        }
    }

    init(
        _ master: UnsafeMutablePointer<Float>, inputPanels: Int, outputPanels: Int, wordUnits: Int,
        buffer: inout BufferDivision
    ) {
        let size = inputPanels * outputPanels * PanelLayout.width * PanelLayout.width / wordUnits
        forward = wordUnits == 1 ? master : buffer.take(size)
        transposed = buffer.take(size)
        self.master = master
        self.inputPanels = inputPanels
        self.outputPanels = outputPanels
    }
}
