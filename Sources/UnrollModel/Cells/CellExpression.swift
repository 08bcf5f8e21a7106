/// A formula over one cell's gates and states, written with ordinary operators.
///
/// An expression computes nothing. `CellGraph` reads it once and derives its gradient; engines run both, element by
/// element, over whole layers. ``RecurrentCell`` lists what a formula may use.
public struct CellExpression: Sendable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    let node: Node

    final class Node: Sendable {
        let content: Content

        init(_ content: Content) {
            self.content = content
        }
    }

    enum Content: Sendable {
        /// A whole gate without a half.
        case gate(String, half: GateHalf?)
        case state(String)
        case constant(Double)
        case unary(UnaryFunction, CellExpression)
        case binary(BinaryOperator, CellExpression, CellExpression)
    }

    init(_ content: Content) {
        node = Node(content)
    }

    /// A constant, the same for every element.
    public init(floatLiteral value: Double) {
        self.init(.constant(value))
    }

    /// A constant, the same for every element.
    public init(integerLiteral value: Int) {
        self.init(.constant(Double(value)))
    }

    /// The elementwise sum.
    public static func + (left: CellExpression, right: CellExpression) -> CellExpression {
        CellExpression(.binary(.add, left, right))
    }

    /// The elementwise difference.
    public static func - (left: CellExpression, right: CellExpression) -> CellExpression {
        CellExpression(.binary(.subtract, left, right))
    }

    /// The elementwise product.
    public static func * (left: CellExpression, right: CellExpression) -> CellExpression {
        CellExpression(.binary(.multiply, left, right))
    }

    /// The elementwise negative.
    public static prefix func - (operand: CellExpression) -> CellExpression {
        0 - operand
    }
}

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

/// A nonlinearity whose derivative follows from its value alone, so that its argument need not be kept.
package enum UnaryFunction: String, Sendable, Hashable, CaseIterable {
    case tanh
    case sigmoid
    case relu
}

package enum BinaryOperator: String, Sendable, Hashable {
    case add
    case subtract
    case multiply
}
