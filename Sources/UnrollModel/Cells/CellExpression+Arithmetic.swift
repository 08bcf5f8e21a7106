extension CellExpression {
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

    /// The elementwise quotient, infinite or NaN where the divisor is zero.
    public static func / (left: CellExpression, right: CellExpression) -> CellExpression {
        CellExpression(.binary(.divide, left, right))
    }

    /// The elementwise negative.
    public static prefix func - (operand: CellExpression) -> CellExpression {
        0 - operand
    }

    // MARK: Assignment

    /// Adds elementwise.
    public static func += (left: inout CellExpression, right: CellExpression) {
        left = left + right
    }

    /// Subtracts elementwise.
    public static func -= (left: inout CellExpression, right: CellExpression) {
        left = left - right
    }

    /// Multiplies elementwise.
    public static func *= (left: inout CellExpression, right: CellExpression) {
        left = left * right
    }

    /// Divides elementwise.
    public static func /= (left: inout CellExpression, right: CellExpression) {
        left = left / right
    }

    // MARK: Numbers from variables

    // Disfavored, so that a literal beside an expression is one itself, and long formulas are checked fast. An integer
    // literal beside a variable could still be either, which the compiler reports: `2.0 * rate` says which.

    /// Every element plus a number.
    @_disfavoredOverload
    public static func + (left: CellExpression, right: Double) -> CellExpression {
        left + CellExpression(right)
    }

    /// Every element less a number.
    @_disfavoredOverload
    public static func - (left: CellExpression, right: Double) -> CellExpression {
        left - CellExpression(right)
    }

    /// Every element times a number.
    @_disfavoredOverload
    public static func * (left: CellExpression, right: Double) -> CellExpression {
        left * CellExpression(right)
    }

    /// Every element divided by a number.
    @_disfavoredOverload
    public static func / (left: CellExpression, right: Double) -> CellExpression {
        left / CellExpression(right)
    }

    /// A number plus every element.
    @_disfavoredOverload
    public static func + (left: Double, right: CellExpression) -> CellExpression {
        CellExpression(left) + right
    }

    /// A number less every element.
    @_disfavoredOverload
    public static func - (left: Double, right: CellExpression) -> CellExpression {
        CellExpression(left) - right
    }

    /// A number times every element.
    @_disfavoredOverload
    public static func * (left: Double, right: CellExpression) -> CellExpression {
        CellExpression(left) * right
    }

    /// A number divided by every element.
    @_disfavoredOverload
    public static func / (left: Double, right: CellExpression) -> CellExpression {
        CellExpression(left) / right
    }

    /// Adds a number to every element.
    @_disfavoredOverload
    public static func += (left: inout CellExpression, right: Double) {
        left = left + CellExpression(right)
    }

    /// Subtracts a number from every element.
    @_disfavoredOverload
    public static func -= (left: inout CellExpression, right: Double) {
        left = left - CellExpression(right)
    }

    /// Multiplies every element by a number.
    @_disfavoredOverload
    public static func *= (left: inout CellExpression, right: Double) {
        left = left * CellExpression(right)
    }

    /// Divides every element by a number.
    @_disfavoredOverload
    public static func /= (left: inout CellExpression, right: Double) {
        left = left / CellExpression(right)
    }
}
