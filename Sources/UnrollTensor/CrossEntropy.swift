import CUnrollKernels
import UnrollKernels

/// How far predictions are from what came, in nats: minus the logarithm of the softmax at each target.
///
/// Softmax and logarithm are one operation, so that large logits neither overflow nor lose precision.
///
/// - Parameters:
///   - logits: `[..., V]`, one row for each target.
///   - targets: The token that came, for each row in row-major order.
/// - Returns: The loss of each row, `[...]`; their `mean()` is what the chapter minimizes.
/// - Throws: `TensorError` when there are more or fewer targets than rows, or a target is outside `0 ..< V`.
public func softmaxCrossEntropy(_ logits: Tensor, _ targets: [Int32]) throws(TensorError) -> Tensor {
    guard let classes = logits.shape.last else {
        throw .unsuitableShape(operation: "softmaxCrossEntropy", shape: [], needed: "an axis of classes")
    }
    let shape = Array(logits.shape.dropLast())
    let rows = shape.reduce(1, *)
    guard targets.count == rows else {
        throw .shapeMismatch(
            operation: "softmaxCrossEntropy", logits.shape, [targets.count], hint: "each row needs one target"
        )
    }
    try check(targets, count: classes, operation: "softmaxCrossEntropy")
    let panels = PanelLayout.panels(of: classes)
    let width = panels * PanelLayout.width
    let kernels = Machine.shared.kernels
    // Of the loss of each row, with respect to its logits.
    let derivative = try Tensor(shape: logits.shape) { _ in }
    let losses = try Tensor(shape: shape) { losses in
        Machine.shared.share(rows, operations: 16 * rows * width) { part in
            guard !part.isEmpty else { return }
            let padded = TensorStorage.allocated(count: width)
            for row in part {
                padded.base.update(from: logits.storage.base + row * classes, count: classes)
                (padded.base + classes).update(repeating: -.infinity, count: width - classes)
                losses[row] = Float(kernels.softmax(padded.base, Int32(panels), targets[row]))
                (derivative.storage.base + row * classes).update(from: padded.base, count: classes)
            }
        }
    }
    return losses.recorded(
        from: (
            logits,
            { gradient, sum in
                let column = Tensor(shape: gradient.shape + [1], storage: gradient.storage)
                sum.add(derivative.combined(UNROLL_COMBINE_MULTIPLY, column))
            }
        ))
}
