import CUnrollKernels
import Foundation

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
/// The derivatives are PyTorch's where a formula alone would give no number: zero with respect to `x` where the exponent
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
    fileprivate func mappedByElement(
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
