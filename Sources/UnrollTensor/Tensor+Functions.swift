import CUnrollKernels

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

extension Tensor {
    /// An elementwise operation of the kernels on this tensor, and on a second one of the same shape; not recorded.
    func mapped(_ opcode: UnrollOpcode, _ second: Tensor? = nil) -> Tensor {
        let instruction = UnrollInstruction(
            opcode: Int32(opcode.rawValue), d: 0, a: 0, b: 0, c: 0, scale: 0, offset: 0)
        return Tensor(computing: shape) { result in
            let a = storage.base
            let b = second?.storage.base ?? a
            let kernels = Machine.shared.kernels
            // Storage has room for whole vectors, so the last one may be computed in full.
            let padded = (count + 31) / 32 * 32
            Machine.shared.share(padded, granularity: 32, operations: 16 * padded) { part in
                let start = part.lowerBound
                withUnsafePointer(to: instruction) { instruction in
                    kernels.operate(instruction, result + start, a + start, b + start, b + start, part.count)
                }
            }
        }
    }
}
