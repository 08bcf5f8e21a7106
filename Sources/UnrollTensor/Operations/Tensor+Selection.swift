import CUnrollKernels

/// The elementwise minimum of two tensors, stretched to a common shape; NaN where either is.
///
/// The gradient goes to the lesser one, half to each where both are equal, as PyTorch has it.
///
/// - Throws: `TensorError.shapeMismatch` when the shapes do not fit.
public func min(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    let (a0, b0) = (a.detached(), b.detached())
    return try a.broadcast(UNROLL_COMBINE_MINIMUM, b, "min").recorded(
        from: (a, { $1.addStretched(b0.gradientOfGreater($0, than: a0)) }),
        (b, { $1.addStretched(a0.gradientOfGreater($0, than: b0)) }))
}

/// The elementwise maximum of two tensors, stretched to a common shape; NaN where either is.
///
/// The gradient goes to the greater one, half to each where both are equal, as PyTorch has it.
///
/// - Throws: `TensorError.shapeMismatch` when the shapes do not fit.
public func max(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    let (a0, b0) = (a.detached(), b.detached())
    return try a.broadcast(UNROLL_COMBINE_MAXIMUM, b, "max").recorded(
        from: (a, { $1.addStretched(a0.gradientOfGreater($0, than: b0)) }),
        (b, { $1.addStretched(b0.gradientOfGreater($0, than: a0)) }))
}

extension Tensor {
    /// The elements of one tensor where a condition holds, and of another elsewhere, all stretched to a common shape.
    ///
    /// - Parameters:
    ///   - condition: Where it holds: elements that are not zero.
    ///   - a: The elements where it holds.
    ///   - b: The elements elsewhere.
    /// - Returns: The chosen elements; each tensor gets the gradient of those that are its own.
    /// - Throws: `TensorError.shapeMismatch` when the shapes do not fit.
    public static func `where`(
        _ condition: Tensor, _ a: Tensor, _ b: Tensor
    ) throws(TensorError) -> Tensor {
        let both = try Shape.broadcast(a.shape, b.shape, operation: "where")
        let shape = try Shape.broadcast(condition.shape, both, operation: "where")
        let choice = condition.detached().stretched(to: shape)
        let (a0, b0) = (a.detached().stretched(to: shape), b.detached().stretched(to: shape))
        return choice.mappedByElement(a0, b0) { $0 != 0 ? $1 : $2 }.recorded(
            from: (
                a,
                {
                    $1.addStretched(
                        choice.mappedByElement($0, $0) { choice, own, _ in choice != 0 ? own : 0 })
                }
            ),
            (
                b,
                {
                    $1.addStretched(
                        choice.mappedByElement($0, $0) { choice, own, _ in choice != 0 ? 0 : own })
                }
            ))
    }

    /// The gradient of a maximum's result where this operand is the greater one, half of it where both are equal.
    fileprivate func gradientOfGreater(_ gradient: Tensor, than other: Tensor) -> Tensor {
        stretched(to: gradient.shape).mapped(
            UNROLL_OP_GRADIENT_OF_GREATER, other.stretched(to: gradient.shape), gradient)
    }

    // MARK: Along axes

    /// The greatest of all elements, a scalar; NaN if one is.
    ///
    /// Elements that are equally great share the gradient, as PyTorch has it.
    ///
    /// - Throws: `TensorError.unsuitableShape` when there are no elements.
    public func max() throws(TensorError) -> Tensor {
        try max(axes: Array(shape.indices))
    }

    /// The greatest elements along some axes, which the result lacks, or has with size 1; NaN where one is.
    ///
    /// Elements that are equally great share the gradient, as PyTorch has it.
    ///
    /// - Parameters:
    ///   - axes: Which axes; negative ones count from the back.
    ///   - keepingAxes: Whether the axes stay, with size 1, so that the result can be stretched to this shape again.
    /// - Returns: The greatest elements.
    /// - Throws: `TensorError.axisOutOfRange`, or `TensorError.unsuitableShape` when there is nothing to choose from.
    public func max(axes: [Int], keepingAxes: Bool = false) throws(TensorError) -> Tensor {
        var reduced: Set<Int> = []
        for axis in axes { reduced.insert(try Shape.axis(axis, of: shape, operation: "max")) }
        guard reduced.allSatisfy({ shape[$0] > 0 }) else {
            throw .unsuitableShape(operation: "max", shape: shape, needed: "axes of at least one element")
        }
        let sorted = reduced.sorted()
        let kept = shape.indices.map { reduced.contains($0) ? 1 : shape[$0] }
        let remaining = shape.indices.filter { !reduced.contains($0) }.map { shape[$0] }
        let greatest = sorted.reduce(detached()) { $0.greatest(along: $1) }
        let x0 = detached()
        return Tensor(shape: keepingAxes ? kept : remaining, storage: greatest.storage).recorded(
            from: (
                self,
                { gradient, sum in
                    let values = greatest.stretched(to: x0.shape)
                    let isGreatest = x0.mappedByElement(values, values) { x, y, _ in x == y ? 1 : 0 }
                    let counts = isGreatest.reduced(over: sorted, to: kept)
                    let shares = Tensor(shape: kept, storage: gradient.storage).combined(
                        UNROLL_COMBINE_DIVIDE, counts)
                    sum.add(isGreatest.combined(UNROLL_COMBINE_MULTIPLY, shares.stretched(to: x0.shape)))
                }
            ))
    }

    /// The greatest elements along one axis, which stays with size 1; not recorded.
    private func greatest(along axis: Int) -> Tensor {
        let (outer, size, inner) = Shape.split(shape, at: axis)
        let kernels = TensorRuntime.shared.kernels
        var target = shape
        target[axis] = 1
        return Tensor(computing: target) { result in
            TensorRuntime.shared.share(outer, operations: count) { part in
                for block in part {
                    let to = result + block * inner
                    let from = storage.base + block * size * inner
                    to.update(from: from, count: inner)
                    if inner == 1 {
                        for index in 1..<size where from[index].isNaN || from[index] > to[0] {
                            to[0] = from[index]
                        }
                    } else {
                        for row in 1..<size {
                            kernels.combine(
                                UNROLL_COMBINE_MAXIMUM, to, to, false, from + row * inner, false, inner)
                        }
                    }
                }
            }
        }
    }

    /// The softmax along an axis: exponentials that add up to 1.
    ///
    /// The greatest element is subtracted first, so that no exponential overflows. For a loss, ``softmaxCrossEntropy(_:_:)``
    /// is more exact than the logarithm of this.
    ///
    /// - Parameter axis: Which axis; a negative one counts from the back.
    /// - Returns: The probabilities, of the same shape.
    /// - Throws: `TensorError.axisOutOfRange`, or `TensorError.unsuitableShape` when the axis has no elements.
    public func softmax(axis: Int = -1) throws(TensorError) -> Tensor {
        let axis = try Shape.axis(axis, of: shape, operation: "softmax")
        guard shape[axis] > 0 else {
            throw .unsuitableShape(
                operation: "softmax", shape: shape, needed: "an axis of at least one element")
        }
        let kept = shape.indices.map { $0 == axis ? 1 : shape[$0] }
        let greatest = detached().greatest(along: axis)
        let powers = detached().combined(UNROLL_COMBINE_SUBTRACT, greatest.stretched(to: shape))
            .mapped(UNROLL_OP_EXP)
        let sums = powers.reduced(over: [axis], to: kept).stretched(to: shape)
        let y = powers.combined(UNROLL_COMBINE_DIVIDE, sums)
        return y.recorded(
            from: (
                self,
                { gradient, sum in
                    let products = gradient.combined(UNROLL_COMBINE_MULTIPLY, y)
                    let means = products.reduced(over: [axis], to: kept).stretched(to: y.shape)
                    sum.add(
                        products.combined(
                            UNROLL_COMBINE_SUBTRACT, y.combined(UNROLL_COMBINE_MULTIPLY, means)))
                }
            ))
    }
}
