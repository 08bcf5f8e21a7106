import CUnrollKernels
import UnrollKernels
import UnrollModel

/// What the kernels need beside the parameters and what follows from them after each update.
final class DerivedWeights {
    /// A matrix of weights as the words of products: over its inputs, and with inputs and outputs exchanged.
    struct Matrix {
        /// Laid out as `[output panels][inputs][32]`, in int8 with scales after each panel; in float32 the parameters
        /// themselves.
        let forward: UnsafeMutablePointer<Float>
        /// Laid out as `[input panels][outputs][32]`; not there in int8, which does not train.
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

        fileprivate init(_ buffer: inout BufferDivision, parameters: PackedParameters, words: WordFormat) {
            let shape = parameters.shape
            let width = PanelLayout.width
            layers = parameters.layers.enumerated().map { index, layer in
                Layer(
                    recurrent: Matrix(
                        layer.recurrent, inputPanels: shape.hiddenPanels, outputPanels: shape.gatePanels,
                        words: words, buffer: &buffer),
                    input: shape.inputPanels(of: index).map { inputPanels in
                        Matrix(
                            layer.input, inputPanels: inputPanels, outputPanels: shape.gatePanels,
                            words: words, buffer: &buffer)
                    },
                    bias: buffer.take(shape.gatePanels * width),
                    inputBias: buffer.take(shape.gatePanels * width))
            }
            decoder = Matrix(
                parameters.decoder, inputPanels: shape.hiddenPanels, outputPanels: shape.vocabularyPanels,
                words: words, buffer: &buffer)
            logitBias = buffer.take(shape.vocabularyPanels * width)
        }
    }

    let layout: Layout

    private let parameters: PackedParameters
    private let words: WordFormat
    private let buffer: AlignedBuffer

    /// Lays out what follows from `parameters`, in words of a format.
    init(of parameters: PackedParameters, words: WordFormat) throws(KernelError) {
        func layOut(_ buffer: inout BufferDivision) -> Layout {
            Layout(&buffer, parameters: parameters, words: words)
        }
        buffer = try AlignedBuffer(count: BufferDivision.count { _ = layOut(&$0) })
        var division = BufferDivision(of: buffer.base)
        layout = layOut(&division)
        self.parameters = parameters
        self.words = words
    }

    /// Follows the parameters, for the share of a thread out of a number of threads; biases are thread 0's.
    func refresh(kernels: UnsafePointer<UnrollKernels>, thread: Int, threadCount: Int) {
        for layer in layout.layers {
            layer.recurrent.refresh(
                words: words, kernels: kernels, thread: thread, threadCount: threadCount)
            layer.input?.refresh(
                words: words, kernels: kernels, thread: thread, threadCount: threadCount)
        }
        layout.decoder.refresh(
            words: words, kernels: kernels, thread: thread, threadCount: threadCount)
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
    /// Follows the parameters at `master`, for the panels of inputs, or in int8 of outputs, that are a thread's share.
    func refresh(words: WordFormat, kernels: UnsafePointer<UnrollKernels>, thread: Int, threadCount: Int) {
        guard words != .int8 else {
            for output in stride(from: thread, to: outputPanels, by: threadCount) { quantizePanel(output) }
            return
        }
        let width = PanelLayout.width
        let blockWords = width * width / words.units
        for input in stride(from: thread, to: inputPanels, by: threadCount) {
            for output in 0..<outputPanels {
                let block = output * inputPanels + input
                kernels.pointee.pack_weights(
                    master + block * width * width, forward + block * blockWords,
                    transposed + (input * outputPanels + output) * blockWords)
            }
        }
    }

    /// Packs the words of a panel of outputs in int8: those of all inputs, each of four, then scales and corrections.
    private func quantizePanel(_ panel: Int) {
        let (width, inputs) = (PanelLayout.width, inputPanels * PanelLayout.width)
        let weights = master + panel * inputs * width
        let words = forward + panel * WordFormat.int8.weightPanel(inputPanels: inputPanels)
        let scales = words + inputs * width / WordFormat.int8.units
        for output in 0..<width {
            var greatest: Float = 0
            for input in 0..<inputs { greatest = max(greatest, abs(weights[input * width + output])) }
            let scale = Int8Quantization.scale(greatest: greatest)
            var sum: Int32 = 0
            for word in 0..<inputs / WordFormat.int8.units {
                var bytes: UInt32 = 0
                for unit in 0..<WordFormat.int8.units {
                    let input = word * WordFormat.int8.units + unit
                    let number = Int8Quantization.number(weights[input * width + output], scale: scale)
                    bytes |= UInt32(UInt8(bitPattern: number)) << (8 * UInt32(unit))
                    sum += Int32(number)
                }
                words[word * width + output] = Float(bitPattern: bytes)
            }
            scales[output] = scale
            // Activations are multiplied as unsigned bytes, 128 above their numbers.
            scales[width + output] = Float(bitPattern: UInt32(bitPattern: 128 * sum))
        }
    }

    init(
        _ master: UnsafeMutablePointer<Float>, inputPanels: Int, outputPanels: Int, words: WordFormat,
        buffer: inout BufferDivision
    ) {
        let size = outputPanels * words.weightPanel(inputPanels: inputPanels)
        forward = words == .float32 ? master : buffer.take(size)
        // Training alone multiplies over outputs.
        transposed = words == .int8 ? forward : buffer.take(size)
        self.master = master
        self.inputPanels = inputPanels
        self.outputPanels = outputPanels
    }
}
