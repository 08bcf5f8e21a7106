import CUnrollKernels
import UnrollKernels

/// The recurrent weights of a step that leaves some of them out.
final class DroppedWeights {
    /// The recurrent weights of each layer, as products read them.
    let layers: [DerivedWeights.Matrix]

    private let parameters: PackedParameters
    private let buffer: AlignedBuffer
    private let wordUnits: Int

    /// Makes room for those of `parameters`, for kernels whose words hold `wordUnits` numbers.
    init(of parameters: PackedParameters, wordUnits: Int) throws(KernelError) {
        let shape = parameters.shape
        let size = shape.hiddenPanels * shape.gatePanels * PanelLayout.width * PanelLayout.width
        func layOut(_ buffer: inout BufferDivision) -> [DerivedWeights.Matrix] {
            parameters.layers.map { _ in
                DerivedWeights.Matrix(
                    buffer.take(size), inputPanels: shape.hiddenPanels, outputPanels: shape.gatePanels,
                    wordUnits: wordUnits, buffer: &buffer)
            }
        }
        buffer = try AlignedBuffer(count: BufferDivision.count { _ = layOut(&$0) })
        var division = BufferDivision(of: buffer.base)
        layers = layOut(&division)
        self.parameters = parameters
        self.wordUnits = wordUnits
    }

    /// Masks a layer's weights, for the share of a thread out of a number of threads.
    func refresh(
        _ layer: Int, mask: UnrollMask, kernels: UnsafePointer<UnrollKernels>, thread: Int, threadCount: Int
    ) {
        var mask = mask
        let (matrix, shape) = (layers[layer], parameters.shape)
        let (width, weights) = (PanelLayout.width, parameters.layers[layer].recurrent)
        for input in stride(from: thread, to: matrix.inputPanels, by: threadCount) {
            for output in 0..<matrix.outputPanels {
                let block = (output * matrix.inputPanels + input) * width * width
                kernels.pointee.mask(
                    &mask, Int32(output / shape.hiddenPanels), Int32(output % shape.hiddenPanels),
                    Int32(input * width), Int32(width), weights + block, matrix.master + block)
            }
        }
        matrix.refresh(wordUnits: wordUnits, kernels: kernels, thread: thread, threadCount: threadCount)
    }
}
