import CUnrollKernels
import UnrollKernels

extension Pass {
    /// A product for all rows of all steps.
    ///
    /// - Parameters:
    ///   - a: Unit words, `[steps][..][rows][..]`.
    ///   - units: How many units of `a` there are to sum up.
    ///   - weights: Words, panels of `32 weightPanels` inputs x 32 outputs.
    ///   - weightPanels: Panels of the weights' inputs.
    ///   - first: The panel of the weights, and of `bias`, that gives the first panel of `c`.
    ///   - bias: What the product is added to; nil for zero.
    ///   - adds: Whether the product is added to what `c` holds.
    ///   - c: The result, `[steps][..][rows][32]`.
    ///   - steps: Steps; those of the minibatch if nil.
    ///   - rows: Rows of a step; those of the minibatch if nil.
    /// - Returns: The arguments of the kernel.
    func projection(
        _ a: UnrollPanels, units: Int, by weights: UnsafeMutablePointer<Float>, weightPanels: Int,
        first: Int = 0, bias: UnsafeMutablePointer<Float>? = nil, adds: Bool = false, to c: UnrollPanels,
        steps: Int? = nil, rows: Int? = nil
    ) -> UnrollProjection {
        let weightPanel = engine.words.weightPanel(inputPanels: weightPanels)
        return UnrollProjection(
            a: a, inner: Int32(units), steps: Int32(steps ?? sequenceLength), batch: Int32(rows ?? batchSize),
            weights: weights + first * weightPanel, weight_panel: weightPanel,
            bias: bias.map { UnsafePointer($0 + first * PanelLayout.width) }, accumulates: adds, c: c)
    }

    /// The product of the gradients of all gates with a layer's input weights: the gradient of its input.
    ///
    /// - Parameters:
    ///   - gates: Unit words of the gradients.
    ///   - inputPanel: The first panel, among `gates`, of what the input gives to a gate.
    ///   - input: The input weights.
    ///   - adds: Whether the product is added to what `c` holds.
    ///   - c: The result.
    ///   - panels: The panels of `c` that are wanted.
    ///   - steps: Steps; those of the minibatch if nil.
    ///   - rows: Rows of a step; those of the minibatch if nil.
    func projectGates(
        _ gates: UnrollPanels, inputPanel: (_ gate: Int) -> Int, by input: DerivedWeights.Matrix,
        adds: Bool = false, to c: UnrollPanels, panels: Range<Int>, steps: Int? = nil, rows: Int? = nil
    ) {
        let gateWords = engine.words.weightPanel(inputPanels: shape.hiddenPanels)
        for gate in 0..<shape.gateCount {
            var product = projection(
                gates.advanced(panels: inputPanel(gate)), units: shape.hiddenPanels * PanelLayout.width,
                by: input.transposed + gate * gateWords, weightPanels: shape.gatePanels,
                adds: adds || gate > 0,
                to: c, steps: steps, rows: rows)
            kernels.pointee.project(&product, UnrollRange(panels))
        }
    }

    /// The gradient of weights: for each unit of `a` in a share and each panel of `b`, the sum over all rows.
    ///
    /// - Parameters:
    ///   - a: Row words of the product's left operand.
    ///   - b: Row words of the gradient of its result.
    ///   - panels: Panels of `b`.
    ///   - c: The gradient, panels of `32 weightPanels` inputs x 32 outputs.
    ///   - weightPanels: Panels of the weights' inputs.
    ///   - units: The units of `a` that are wanted.
    ///   - steps: Steps; those of the minibatch if nil.
    ///   - rows: Rows of a step; those of the minibatch if nil.
    func weightGradient(
        of a: UnrollPanels, _ b: UnrollPanels, panels: Int, to c: UnsafeMutablePointer<Float>,
        weightPanels: Int, units: Range<Int>, steps: Int? = nil, rows: Int? = nil
    ) {
        var product = UnrollProduct(
            a: a, b: b, steps: Int32(steps ?? sequenceLength), batch: Int32(rows ?? batchSize),
            b_panels: Int32(panels), c: c, c_panel: weightPanels * PanelLayout.width * PanelLayout.width)
        kernels.pointee.weight_gradient(&product, UnrollRange(units))
    }
}
