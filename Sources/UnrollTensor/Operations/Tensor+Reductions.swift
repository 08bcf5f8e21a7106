import CUnrollKernels
import UnrollKernels

extension Tensor {
    /// The sum of all elements, a scalar.
    public func sum() -> Tensor {
        let shape = shape
        return reduced(over: Array(shape.indices), to: []).recorded(
            from: (self, { $1.add($0.stretched(to: shape)) }))
    }

    /// The sums along some axes, which the result lacks, or has with size 1.
    ///
    /// - Parameters:
    ///   - axes: Which axes; negative ones count from the back.
    ///   - keepingAxes: Whether the axes stay, with size 1, so that the result can be stretched to this shape again.
    /// - Returns: The sums.
    /// - Throws: `TensorError.axisOutOfRange`.
    public func sum(axes: [Int], keepingAxes: Bool = false) throws(TensorError) -> Tensor {
        try sum(axes: axes, keepingAxes: keepingAxes, operation: "sum")
    }

    /// The mean of all elements, a scalar; NaN of none.
    public func mean() -> Tensor {
        sum() / Float(count)
    }

    /// The means along some axes, which the result lacks, or has with size 1.
    ///
    /// - Parameters:
    ///   - axes: Which axes; negative ones count from the back.
    ///   - keepingAxes: Whether the axes stay, with size 1, so that the result can be stretched to this shape again.
    /// - Returns: The means; NaN of none.
    /// - Throws: `TensorError.axisOutOfRange`.
    public func mean(axes: [Int], keepingAxes: Bool = false) throws(TensorError) -> Tensor {
        let sums = try sum(axes: axes, keepingAxes: keepingAxes, operation: "mean")
        let terms = Set(try resolved(axes, operation: "mean")).reduce(1) { $0 * shape[$1] }
        return sums / Float(terms)
    }

    /// Where the greatest elements along an axis are.
    ///
    /// The first one wins where several are equal, and a NaN counts as greatest. Indices are no tensor, so nothing can
    /// be differentiated through them.
    ///
    /// - Parameter axis: Which axis; a negative one counts from the back.
    /// - Returns: Indices along the axis, in row-major order of the other axes.
    /// - Throws: `TensorError.axisOutOfRange`, or `TensorError.unsuitableShape` when there is nothing to choose from.
    public func argmax(axis: Int = -1) throws(TensorError) -> [Int32] {
        let axis = try Shape.axis(axis, of: shape, operation: "argmax")
        let (outer, size, inner) = Shape.split(shape, at: axis)
        guard (1...Int(Int32.max)).contains(size) else {
            throw .unsuitableShape(
                operation: "argmax", shape: shape, needed: "an axis of at least one element")
        }
        var indices: [Int32] = []
        indices.reserveCapacity(outer * inner)
        for block in 0..<outer {
            for column in 0..<inner {
                let elements = storage.base + block * size * inner + column
                var best = 0
                for index in 1..<size {
                    let (candidate, greatest) = (elements[index * inner], elements[best * inner])
                    if candidate > greatest || (candidate.isNaN && !greatest.isNaN) { best = index }
                }
                indices.append(Int32(best))
            }
        }
        return indices
    }

    private func resolved(_ axes: [Int], operation: String) throws(TensorError) -> [Int] {
        var resolved: [Int] = []
        for axis in axes { resolved.append(try Shape.axis(axis, of: shape, operation: operation)) }
        return resolved
    }

    private func sum(axes: [Int], keepingAxes: Bool, operation: String) throws(TensorError) -> Tensor {
        let axes = Set(try resolved(axes, operation: operation))
        let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
        let remaining = shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
        let original = shape
        return reduced(over: axes.sorted(), to: keepingAxes ? kept : remaining).recorded(
            from: (
                self,
                { $1.add(Tensor(shape: kept, storage: $0.storage).stretched(to: original)) }
            ))
    }

    /// The sums over some axes, in rising order, under a shape that has as many elements; not recorded.
    func reduced(over axes: [Int], to target: [Int]) -> Tensor {
        var current = self
        // From the back, so that the axes in front keep their numbers.
        for axis in axes.reversed() {
            var rest = current.shape
            rest[axis] = 1
            current = current.reduced(over: axis, to: rest)
        }
        return Tensor(shape: target, storage: current.storage)
    }

    private func reduced(over axis: Int, to target: [Int]) -> Tensor {
        let (outer, size, inner) = Shape.split(shape, at: axis)
        let kernels = TensorRuntime.shared.kernels
        return Tensor(computing: target) { sums in
            if inner == 1 {
                TensorRuntime.shared.share(outer, operations: count) { part in
                    for row in part { sums[row] = Float(kernels.sum(storage.base + row * size, size)) }
                }
            } else if outer == 1 {
                TensorRuntime.shared.share(inner, granularity: 32, operations: count) { part in
                    addRows(0..<size, of: storage.base, stride: inner, columns: part, to: sums)
                }
            } else {
                TensorRuntime.shared.share(outer, operations: count) { part in
                    for block in part {
                        addRows(
                            0..<size, of: storage.base + block * size * inner, stride: inner,
                            columns: 0..<inner,
                            to: sums + block * inner)
                    }
                }
            }
        }
    }
}

/// Sets `sums` to the sums of the rows, for some columns.
///
/// Halves are summed apart, so that rounding errors grow with the logarithm of the number of rows.
private func addRows(
    _ rows: Range<Int>, of elements: UnsafePointer<Float>, stride: Int, columns: Range<Int>,
    to sums: UnsafeMutablePointer<Float>
) {
    let kernels = TensorRuntime.shared.kernels
    let to = sums + columns.lowerBound
    if rows.count <= 128 {
        to.update(repeating: 0, count: columns.count)
        for row in rows {
            kernels.combine(
                UNROLL_COMBINE_ADD, to, to, false, elements + row * stride + columns.lowerBound, false,
                columns.count)
        }
        return
    }
    let middle = rows.lowerBound + rows.count / 2
    addRows(rows.lowerBound..<middle, of: elements, stride: stride, columns: columns, to: sums)
    let rest = TensorStorage.allocated(count: columns.upperBound)
    addRows(middle..<rows.upperBound, of: elements, stride: stride, columns: columns, to: rest.base)
    kernels.combine(
        UNROLL_COMBINE_ADD, to, to, false, rest.base + columns.lowerBound, false, columns.count)
}

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
    let kernels = TensorRuntime.shared.kernels
    // Of the loss of each row, with respect to its logits.
    let derivative = try Tensor(shape: logits.shape) { _ in }
    let losses = try Tensor(shape: shape) { losses in
        TensorRuntime.shared.share(rows, operations: 16 * rows * width) { part in
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
