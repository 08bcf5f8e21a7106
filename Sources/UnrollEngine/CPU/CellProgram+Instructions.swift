import CUnrollKernels
import UnrollModel

extension UnaryFunction {
    /// The function that a matrix product can apply to what it stores; nil if it cannot.
    var kernelFunction: UnrollFunction? {
        switch self {
        case .tanh: UNROLL_FUNCTION_TANH
        case .sigmoid: UNROLL_FUNCTION_SIGMOID
        case .relu: UNROLL_FUNCTION_RELU
        case .exp, .log, .sqrt, .abs, .softplus: nil
        }
    }

    /// The operation on tiles.
    var opcode: UnrollOpcode {
        switch self {
        case .tanh: UNROLL_OP_TANH
        case .sigmoid: UNROLL_OP_SIGMOID
        case .relu: UNROLL_OP_RELU
        case .exp: UNROLL_OP_EXP
        case .log: UNROLL_OP_LOG
        case .sqrt: UNROLL_OP_SQUARE_ROOT
        case .abs: UNROLL_OP_ABSOLUTE
        case .softplus: UNROLL_OP_SOFTPLUS
        }
    }
}

extension BinaryOperator {
    /// The operation on tiles.
    var opcode: UnrollOpcode {
        switch self {
        case .add: UNROLL_OP_ADD
        case .subtract: UNROLL_OP_SUBTRACT
        case .multiply: UNROLL_OP_MULTIPLY
        case .divide: UNROLL_OP_DIVIDE
        case .minimum: UNROLL_OP_MINIMUM
        case .maximum: UNROLL_OP_MAXIMUM
        }
    }
}

extension CellGraph.Derivative {
    /// The function whose derivative a matrix product can multiply what it stores with; nil if it cannot.
    var kernelFunction: UnrollFunction? {
        switch self {
        case .tanh: UNROLL_FUNCTION_TANH
        case .sigmoid: UNROLL_FUNCTION_SIGMOID
        case .relu: UNROLL_FUNCTION_RELU
        case .abs: nil
        }
    }

    /// The operation on tiles.
    var opcode: UnrollOpcode {
        switch self {
        case .tanh: UNROLL_OP_TANH_DERIVATIVE
        case .sigmoid: UNROLL_OP_SIGMOID_DERIVATIVE
        case .relu: UNROLL_OP_RELU_DERIVATIVE
        case .abs: UNROLL_OP_ABSOLUTE_DERIVATIVE
        }
    }

    /// The operation on tiles that makes the gradient, a product, itself; nil if there is none.
    var derivativeOfProductOpcode: UnrollOpcode? {
        switch self {
        case .tanh: UNROLL_OP_TANH_DERIVATIVE_OF_PRODUCT
        case .sigmoid: UNROLL_OP_SIGMOID_DERIVATIVE_OF_PRODUCT
        case .relu, .abs: nil
        }
    }
}

extension UnrollInstruction {
    /// An operation that reads up to three slots.
    ///
    /// Operands that an operation does not have repeat the first, so that every slot is a valid one.
    init(_ opcode: UnrollOpcode, _ operands: [Int32], to d: Int32, scale: Double = 1, offset: Double = 0) {
        let first = operands.first ?? d
        self.init(
            opcode: Int32(opcode.rawValue), d: d, a: first, b: operands.count > 1 ? operands[1] : first,
            c: operands.count > 2 ? operands[2] : first, scale: Float(scale), offset: Float(offset))
    }

    /// d = a number.
    static func constant(_ value: Double, to destination: Int32) -> UnrollInstruction {
        .init(UNROLL_OP_CONSTANT, [], to: destination, offset: value)
    }

    /// d = a.
    static func copy(_ source: Int32, to destination: Int32) -> UnrollInstruction {
        .init(UNROLL_OP_COPY, [source], to: destination)
    }

    /// Each row of d = the only row of a.
    static func broadcast(_ source: Int32, to destination: Int32) -> UnrollInstruction {
        .init(UNROLL_OP_BROADCAST, [source], to: destination)
    }

    /// d = scale a + offset.
    static func affine(
        _ source: Int32, scale: Double = 1, offset: Double = 0, to destination: Int32
    ) -> UnrollInstruction {
        .init(UNROLL_OP_AFFINE, [source], to: destination, scale: scale, offset: offset)
    }

    /// The same operation on other slots.
    func movingSlots(_ move: (Int32) -> Int32) -> UnrollInstruction {
        var moved = self
        (moved.d, moved.a, moved.b, moved.c) = (move(d), move(a), move(b), move(c))
        return moved
    }
}
