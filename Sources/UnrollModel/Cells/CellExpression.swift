/// A formula over one cell's gates, states and learned vectors, written with ordinary operators.
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
        case parameter(String)
        case layerInput
        case constant(Double)
        case unary(UnaryFunction, CellExpression)
        case binary(BinaryOperator, CellExpression, CellExpression)
        case power(CellExpression, Double)
    }

    init(_ content: Content) {
        node = Node(content)
    }

    /// A constant, the same for every element: a number that is computed, not written.
    public init(_ value: Double) {
        self.init(.constant(value))
    }

    /// A constant, the same for every element.
    public init(floatLiteral value: Double) {
        self.init(value)
    }

    /// A constant, the same for every element.
    public init(integerLiteral value: Int) {
        self.init(Double(value))
    }
}
