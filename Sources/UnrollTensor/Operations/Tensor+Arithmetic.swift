import CUnrollKernels

// Two tensors meet as in NumPy: shapes are compared from the last axis on, and an axis of size 1, or one that is not
// there, is repeated as often as the other tensor needs.

extension Tensor {
    /// The elementwise sum.
    public static func + (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        try a.broadcast(UNROLL_COMBINE_ADD, b, "+").recorded(
            from: (a, { $1.addStretched($0) }), (b, { $1.addStretched($0) }))
    }

    /// The elementwise difference.
    public static func - (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        try a.broadcast(UNROLL_COMBINE_SUBTRACT, b, "-").recorded(
            from: (a, { $1.addStretched($0) }), (b, { $1.addStretched($0 * -1) }))
    }

    /// The elementwise product.
    public static func * (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        let (a0, b0) = (a.detached(), b.detached())
        return try a.broadcast(UNROLL_COMBINE_MULTIPLY, b, "*").recorded(
            from: (a, { $1.addStretched($0.combined(UNROLL_COMBINE_MULTIPLY, b0)) }),
            (b, { $1.addStretched($0.combined(UNROLL_COMBINE_MULTIPLY, a0)) }))
    }

    /// The elementwise quotient.
    public static func / (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
        let b0 = b.detached()
        let quotient = try a.broadcast(UNROLL_COMBINE_DIVIDE, b, "/")
        return quotient.recorded(
            from: (a, { $1.addStretched($0.combined(UNROLL_COMBINE_DIVIDE, b0)) }),
            (b, { $1.addStretched($0.combined(UNROLL_COMBINE_MULTIPLY, quotient.slope(dividedBy: b0))) }))
    }

    /// Every element plus a number.
    public static func + (a: Tensor, b: Float) -> Tensor {
        a.combined(UNROLL_COMBINE_ADD, Tensor(b)).recorded(from: (a, { $1.add($0) }))
    }

    /// A number plus every element.
    public static func + (a: Float, b: Tensor) -> Tensor { b + a }

    /// Every element less a number.
    public static func - (a: Tensor, b: Float) -> Tensor {
        a.combined(UNROLL_COMBINE_SUBTRACT, Tensor(b)).recorded(from: (a, { $1.add($0) }))
    }

    /// A number less every element.
    public static func - (a: Float, b: Tensor) -> Tensor {
        b.combined(UNROLL_COMBINE_SUBTRACT, from: a).recorded(from: (b, { $1.add($0 * -1) }))
    }

    /// Every element times a number.
    public static func * (a: Tensor, b: Float) -> Tensor {
        a.combined(UNROLL_COMBINE_MULTIPLY, Tensor(b)).recorded(from: (a, { $1.add($0 * b) }))
    }

    /// A number times every element.
    public static func * (a: Float, b: Tensor) -> Tensor { b * a }

    /// Every element divided by a number.
    public static func / (a: Tensor, b: Float) -> Tensor {
        a.combined(UNROLL_COMBINE_DIVIDE, Tensor(b)).recorded(from: (a, { $1.add($0 / b) }))
    }

    /// A number divided by every element.
    public static func / (a: Float, b: Tensor) -> Tensor {
        let b0 = b.detached()
        let quotient = b0.combined(UNROLL_COMBINE_DIVIDE, from: a)
        return quotient.recorded(
            from: (b, { $1.add($0.combined(UNROLL_COMBINE_MULTIPLY, quotient.slope(dividedBy: b0))) }))
    }

    /// Every element with the other sign.
    public static prefix func - (a: Tensor) -> Tensor { a * -1 }

    /// Adds elementwise; what is added is stretched if need be, the sum is not.
    public static func += (a: inout Tensor, b: Tensor) throws(TensorError) {
        a = try a.updated(a + b, b, "+=")
    }

    /// Subtracts elementwise; what is subtracted is stretched if need be, the difference is not.
    public static func -= (a: inout Tensor, b: Tensor) throws(TensorError) {
        a = try a.updated(a - b, b, "-=")
    }

    /// The derivative of this quotient with respect to its divisor.
    private func slope(dividedBy divisor: Tensor) -> Tensor {
        combined(UNROLL_COMBINE_DIVIDE, divisor) * -1
    }

    private func updated(_ result: Tensor, _ other: Tensor, _ operation: String) throws(TensorError) -> Tensor
    {
        guard result.shape == shape else {
            throw .shapeMismatch(
                operation: operation, shape, other.shape, hint: "the result must have the first one's shape")
        }
        return result
    }

    // MARK: Broadcasting

    /// The operation on this tensor and another, stretched to a common shape; not recorded.
    func broadcast(
        _ operation: UnrollCombination, _ other: Tensor, _ name: String
    ) throws(TensorError) -> Tensor {
        let shape = try Shape.broadcast(shape, other.shape, operation: name)
        return try Tensor(shape: shape) { combine(operation, other, to: $0, shape: shape) }
    }

    /// The same where the shapes are known to fit and this tensor has that of the result, or the other is a scalar.
    func combined(_ operation: UnrollCombination, _ other: Tensor) -> Tensor {
        Tensor(computing: shape) { combine(operation, other, to: $0, shape: shape) }
    }

    /// Elements repeated to fill a shape that this one can be stretched to; not recorded.
    func stretched(to shape: [Int]) -> Tensor {
        let zeros = Tensor(computing: shape) { $0.update(repeating: 0, count: shape.reduce(1, *)) }
        return zeros.combined(UNROLL_COMBINE_ADD, self)
    }

    /// The operation on a number and every element; not recorded.
    private func combined(_ operation: UnrollCombination, from number: Float) -> Tensor {
        Tensor(computing: shape) { Tensor(number).combine(operation, self, to: $0, shape: shape) }
    }

    private func combine(
        _ operation: UnrollCombination, _ other: Tensor, to result: UnsafeMutablePointer<Float>, shape: [Int]
    ) {
        let axes = BroadcastAxes(self.shape, other.shape, result: shape)
        let (a, b) = (storage.base, other.storage.base)
        let kernels = TensorRuntime.shared.kernels
        let run = axes.runLength
        let total = run * axes.runCount
        guard total > 0 else { return }
        if axes.runCount == 1 {
            TensorRuntime.shared.share(run, granularity: 32, operations: 2 * run) { part in
                let start = part.lowerBound
                kernels.combine(
                    operation, result + start, a + (axes.aIsSingle ? 0 : start), axes.aIsSingle,
                    b + (axes.bIsSingle ? 0 : start), axes.bIsSingle, part.count)
            }
        } else {
            TensorRuntime.shared.share(axes.runCount, operations: 2 * total) { part in
                axes.forEachRun(in: part) { index, aOffset, bOffset in
                    kernels.combine(
                        operation, result + index * run, a + aOffset, axes.aIsSingle, b + bOffset,
                        axes.bIsSingle, run)
                }
            }
        }
    }
}

/// How two operands are read along the axes of their result.
///
/// The result is a sequence of runs; within one, each operand either advances element by element or stays.
private struct BroadcastAxes {
    /// The axes outside of a run, the innermost first, with the operands' steps.
    private var outer: [(size: Int, a: Int, b: Int)] = []
    private(set) var runLength = 1
    private(set) var aIsSingle = true
    private(set) var bIsSingle = true

    var runCount: Int { outer.reduce(1) { $0 * $1.size } }

    init(_ aShape: [Int], _ bShape: [Int], result: [Int]) {
        var axes: [(size: Int, a: Int, b: Int)] = []
        var (aStep, bStep) = (1, 1)
        for axis in result.indices.reversed() where result[axis] != 1 {
            let a = Shape.size(of: aShape, axis: axis, rank: result.count)
            let b = Shape.size(of: bShape, axis: axis, rank: result.count)
            let next = (size: result[axis], a: a == 1 ? 0 : aStep, b: b == 1 ? 0 : bStep)
            aStep *= a
            bStep *= b
            // Axes that both operands walk through, or both repeat, are one longer axis.
            if let last = axes.last, next.a == last.a * last.size, next.b == last.b * last.size {
                axes[axes.count - 1].size *= next.size
            } else {
                axes.append(next)
            }
        }
        guard let innermost = axes.first else { return }
        runLength = innermost.size
        aIsSingle = innermost.a == 0
        bIsSingle = innermost.b == 0
        outer = Array(axes.dropFirst())
    }

    /// Calls the body with the index of each run and where it begins in the operands.
    func forEachRun(in part: Range<Int>, _ body: (_ index: Int, _ a: Int, _ b: Int) -> Void) {
        for index in part {
            var (rest, a, b) = (index, 0, 0)
            for axis in outer {
                let position = rest % axis.size
                rest /= axis.size
                a += position * axis.a
                b += position * axis.b
            }
            body(index, a, b)
        }
    }
}

extension Adjoint {
    /// Adds the gradient of a result that this tensor was stretched to: repeated elements get the sum.
    mutating func addStretched(_ gradient: Tensor) {
        let missing = gradient.shape.count - shape.count
        let axes = gradient.shape.indices.filter { axis in
            axis < missing || (shape[axis - missing] == 1 && gradient.shape[axis] != 1)
        }
        add(axes.isEmpty ? gradient : gradient.reduced(over: axes, to: shape))
    }
}
