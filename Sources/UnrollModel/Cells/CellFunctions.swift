import Foundation

/// The elementwise hyperbolic tangent.
public func tanh(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.tanh, operand))
}

/// The elementwise logistic function, 1 / (1 + exp(-x)).
public func sigmoid(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.sigmoid, operand))
}

/// The elementwise rectifier, max(x, 0), with derivative 0 at 0 as PyTorch has it.
public func relu(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.relu, operand))
}

/// The elementwise exponential function.
public func exp(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.exp, operand))
}

/// The elementwise natural logarithm: minus infinity of zero, NaN of negative numbers.
public func log(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.log, operand))
}

/// The elementwise square root, NaN of negative numbers; its derivative at 0 is infinite.
public func sqrt(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.sqrt, operand))
}

/// The elementwise absolute value, with derivative 0 at 0 as PyTorch has it.
public func abs(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.abs, operand))
}

/// The elementwise softplus, log(1 + exp(x)), computed so that no exponential overflows.
///
/// `-softplus(-x)` is the logarithm of `sigmoid(x)`.
public func softplus(_ operand: CellExpression) -> CellExpression {
    CellExpression(.unary(.softplus, operand))
}

/// The elementwise x · sigmoid(x), also called swish.
public func silu(_ operand: CellExpression) -> CellExpression {
    operand * sigmoid(operand)
}

/// Every element to the same power, as C's `pow` has it: NaN of a negative number unless the exponent is whole.
public func pow(_ base: CellExpression, _ exponent: Double) -> CellExpression {
    CellExpression(.power(base, exponent))
}

/// The elementwise minimum, NaN where either is.
///
/// The gradient goes to the lesser one, half to each where both are equal, as PyTorch has it.
public func min(_ left: CellExpression, _ right: CellExpression) -> CellExpression {
    CellExpression(.binary(.minimum, left, right))
}

/// The elementwise maximum, NaN where either is.
///
/// The gradient goes to the greater one, half to each where both are equal, as PyTorch has it.
public func max(_ left: CellExpression, _ right: CellExpression) -> CellExpression {
    CellExpression(.binary(.maximum, left, right))
}

/// A function of one number.
package enum UnaryFunction: String, Sendable, Hashable, CaseIterable {
    case tanh
    case sigmoid
    case relu
    case exp
    case log
    case sqrt
    case abs
    case softplus

    /// The function's value in double precision.
    package func value(at x: Double) -> Double {
        switch self {
        case .tanh: Foundation.tanh(x)
        case .sigmoid: 1 / (1 + Foundation.exp(-x))
        // What is not a number stays so.
        case .relu: x > 0 || x.isNaN ? x : 0
        case .exp: Foundation.exp(x)
        case .log: Foundation.log(x)
        case .sqrt: x.squareRoot()
        case .abs: x.magnitude
        case .softplus: UnaryFunction.relu.value(at: x) + log1p(Foundation.exp(-x.magnitude))
        }
    }
}

/// A function of two numbers.
package enum BinaryOperator: String, Sendable, Hashable, CaseIterable {
    case add
    case subtract
    case multiply
    case divide
    case minimum
    case maximum

    /// The function's value in double precision.
    package func value(at x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .minimum: x.isNaN || x < y ? x : y
        case .maximum: x.isNaN || x > y ? x : y
        }
    }
}
