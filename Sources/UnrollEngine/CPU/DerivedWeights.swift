import CUnrollKernels
import UnrollKernels

/// What the kernels need beside the parameters and what follows from them after each update.
final class DerivedWeights {
    private let shape: ModelShape
    private let biasBuffer: AlignedBuffer
    private let logitBiasBuffer: AlignedBuffer
    private let transposedBuffer: AlignedBuffer

    /// Both of PyTorch's biases added, `[G P][32]`; of split gates, that of the half from the previous state alone.
    var bias: UnsafeMutablePointer<Float> { biasBuffer.base }
    /// The decoder's bias with -infinity in the padding, `[ceil(V/32)][32]`: padding never has a probability.
    var logitBias: UnsafeMutablePointer<Float> { logitBiasBuffer.base }
    /// `[P][32 G P + 32 ceil(V/32)][32]`: recurrent weights, then the decoder's, with outputs as inner index.
    var transposed: UnsafeMutablePointer<Float> { transposedBuffer.base }

    init(shape: ModelShape) throws(KernelError) {
        let width = PanelLayout.width
        self.shape = shape
        biasBuffer = try AlignedBuffer(count: shape.gatePanels * width)
        logitBiasBuffer = try AlignedBuffer(count: shape.vocabularyPanels * width)
        transposedBuffer = try AlignedBuffer(
            count: shape.hiddenPanels * (shape.gatePanels + shape.vocabularyPanels) * width * width)
    }

    /// Follows the parameters, for a thread's share of hidden panels; biases are thread 0's.
    func refresh(
        from parameters: PackedParameters, kernels: UnrollKernels, panels: Range<Int>, isFirstThread: Bool
    ) {
        let width = PanelLayout.width
        let inner = shape.hiddenPanels * width
        let rows = (shape.gatePanels + shape.vocabularyPanels) * width
        for panel in panels {
            let to = transposed + panel * rows * width
            for gate in 0..<shape.gatePanels {
                kernels.transpose(
                    parameters.recurrent + (gate * inner + panel * width) * width, width,
                    to + gate * width * width, width, width, width)
            }
            for token in 0..<shape.vocabularyPanels {
                kernels.transpose(
                    parameters.decoder + (token * inner + panel * width) * width, width,
                    to + (shape.gatePanels + token) * width * width, width, width, width)
            }
        }
        guard isFirstThread else { return }
        for unit in 0..<shape.gatePanels * width {
            let isSplit = shape.splitGates.contains(unit / inner)
            bias[unit] = (isSplit ? 0 : parameters.inputBias[unit]) + parameters.hiddenBias[unit]
        }
        for token in 0..<shape.vocabularyPanels * width {
            logitBias[token] = token < shape.vocabularySize ? parameters.decoderBias[token] : -.infinity
        }
    }
}
