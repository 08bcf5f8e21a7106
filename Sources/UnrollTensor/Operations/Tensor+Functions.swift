import CUnrollKernels
import Foundation

/// The elementwise hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor {
    let y = x.mapped(UNROLL_OP_TANH)
    return y.recorded(from: (x, { $1.add(y.mapped(UNROLL_OP_TANH_DERIVATIVE, $0)) }))
}

/// The elementwise logistic function, 1 / (1 + exp(-x)).
public func sigmoid(_ x: Tensor) -> Tensor {
    let y = x.mapped(UNROLL_OP_SIGMOID)
    return y.recorded(from: (x, { $1.add(y.mapped(UNROLL_OP_SIGMOID_DERIVATIVE, $0)) }))
}

/// The elementwise rectifier, max(x, 0), with derivative 0 at 0 as PyTorch has it.
public func relu(_ x: Tensor) -> Tensor {
    let y = x.mapped(UNROLL_OP_RELU)
    return y.recorded(from: (x, { $1.add(y.mapped(UNROLL_OP_RELU_DERIVATIVE, $0)) }))
}

/// The elementwise exponential function; zero where that is less than the least normal number.
public func exp(_ x: Tensor) -> Tensor {
    let y = x.mapped(UNROLL_OP_EXP)
    return y.recorded(from: (x, { $1.add($0.combined(UNROLL_COMBINE_MULTIPLY, y)) }))
}

/// The elementwise natural logarithm; NaN for negative numbers.
public func log(_ x: Tensor) -> Tensor {
    let x0 = x.detached()
    return x.mapped(UNROLL_OP_LOG).recorded(from: (x, { $1.add($0.combined(UNROLL_COMBINE_DIVIDE, x0)) }))
}

/// The elementwise square root; NaN for negative numbers.
public func sqrt(_ x: Tensor) -> Tensor {
    let y = x.mapped(UNROLL_OP_SQUARE_ROOT)
    return y.recorded(from: (x, { $1.add($0.combined(UNROLL_COMBINE_DIVIDE, y) * 0.5) }))
}

/// The elementwise absolute value, with derivative 0 at 0 as PyTorch has it.
public func abs(_ x: Tensor) -> Tensor {
    let x0 = x.detached()
    return x.mapped(UNROLL_OP_ABSOLUTE).recorded(
        from: (x, { $1.add(x0.mapped(UNROLL_OP_ABSOLUTE_DERIVATIVE, $0)) }))
}

/// The elementwise softplus, log(1 + exp(x)), computed so that no exponential overflows.
public func softplus(_ x: Tensor) -> Tensor {
    let x0 = x.detached()
    return x.mapped(UNROLL_OP_SOFTPLUS).recorded(
        from: (x, { $1.add($0.combined(UNROLL_COMBINE_MULTIPLY, x0.mapped(UNROLL_OP_SIGMOID))) }))
}

/// The elementwise x · sigmoid(x), also called swish.
public func silu(_ x: Tensor) -> Tensor {
    let sigmoid = x.detached().mapped(UNROLL_OP_SIGMOID)
    let y = x.detached().combined(UNROLL_COMBINE_MULTIPLY, sigmoid)
    return y.recorded(
        from: (
            x,
            { gradient, sum in
                // sigmoid + x sigmoid', where sigmoid' = sigmoid (1 - sigmoid).
                let rest = y.combined(
                    UNROLL_COMBINE_SUBTRACT, y.combined(UNROLL_COMBINE_MULTIPLY, sigmoid))
                let slope = sigmoid.combined(UNROLL_COMBINE_ADD, rest)
                sum.add(gradient.combined(UNROLL_COMBINE_MULTIPLY, slope))
            }
        ))
}

extension Tensor {
    /// An elementwise operation of the kernels on this tensor, and on others of the same shape; not recorded.
    func mapped(_ opcode: UnrollOpcode, _ second: Tensor? = nil, _ third: Tensor? = nil) -> Tensor {
        let instruction = UnrollInstruction(
            opcode: Int32(opcode.rawValue), d: 0, a: 0, b: 0, c: 0, scale: 0, offset: 0)
        return Tensor(computing: shape) { result in
            let a = storage.base
            let b = second?.storage.base ?? a
            let c = third?.storage.base ?? b
            let kernels = TensorRuntime.shared.kernels
            // Storage has room for whole vectors, so the last one may be computed in full.
            let padded = (count + 31) / 32 * 32
            TensorRuntime.shared.share(padded, granularity: 32, operations: 16 * padded) { part in
                let start = part.lowerBound
                withUnsafePointer(to: instruction) { instruction in
                    kernels.operate(instruction, result + start, a + start, b + start, c + start, part.count)
                }
            }
        }
    }
}

/// Every element to the same power, as C's `pow` has it.
public func pow(_ x: Tensor, _ exponent: Float) -> Tensor {
    let x0 = x.detached()
    let y = x0.combined(UNROLL_COMBINE_POWER, Tensor(exponent))
    return y.recorded(
        from: (
            x,
            { gradient, sum in
                // Otherwise the derivative at zero would be zero times infinity.
                guard exponent != 0 else { return }
                let slope = x0.combined(UNROLL_COMBINE_POWER, Tensor(exponent - 1)) * exponent
                sum.add(gradient.combined(UNROLL_COMBINE_MULTIPLY, slope))
            }
        ))
}

/// Every element to the power of another tensor's, stretched to a common shape.
///
/// The derivatives are PyTorch's where a formula alone would not be finite: zero with respect to `x` where the exponent
/// is zero, and zero with respect to the exponent where `x` is zero and the exponent is not negative.
///
/// - Throws: `TensorError.shapeMismatch` when the shapes do not fit.
public func pow(_ x: Tensor, _ exponent: Tensor) throws(TensorError) -> Tensor {
    let (x0, exponent0) = (x.detached(), exponent.detached())
    let y = try x0.broadcast(UNROLL_COMBINE_POWER, exponent0, "pow")
    return y.recorded(
        from: (
            x,
            { gradient, sum in
                let exponents = exponent0.stretched(to: gradient.shape)
                let powers = x0.stretched(to: gradient.shape).combined(UNROLL_COMBINE_POWER, exponents - 1)
                sum.addStretched(
                    gradient.mappedByElement(exponents, powers) { $1 == 0 ? 0 : $0 * $1 * $2 })
            }
        ),
        (
            exponent,
            { gradient, sum in
                let exponents = exponent0.stretched(to: gradient.shape)
                let slopes = y.mappedByElement(x0.stretched(to: gradient.shape), exponents) {
                    $1 == 0 && $2 >= 0 ? 0 : $0 * log($1)
                }
                sum.addStretched(gradient.combined(UNROLL_COMBINE_MULTIPLY, slopes))
            }
        ))
}

extension Tensor {
    /// A function of three tensors of one shape, for what is too rare to have a kernel.
    func mappedByElement(
        _ second: Tensor, _ third: Tensor, _ function: (Float, Float, Float) -> Float
    ) -> Tensor {
        Tensor(computing: shape) { result in
            for index in 0..<count {
                result[index] = function(
                    storage.base[index], second.storage.base[index], third.storage.base[index])
            }
        }
    }
}
