import UnrollModel

/// A cell's formula as lines of Python, unit by unit over tensors `[B, H]`.
///
/// It is the walk of ``ONNXGraphBuilder/addStep(of:shares:from:)`` with expressions in place of operators. What is used once
/// stands where it is used, unless the line becomes long; what is used more often has a line and a name of its own.
struct TorchFormula {
    /// A Python expression; how tightly it binds tells where it needs parentheses.
    private struct Expression {
        enum Binding: Int {
            case sum
            case product
            case tight
        }

        let text: String
        let binding: Binding

        func text(atLeast binding: Binding) -> String {
            self.binding.rawValue < binding.rawValue ? "(\(text))" : text
        }
    }

    /// Characters of an expression that becomes part of another.
    private static let longest = 60

    /// The lines before the last.
    private(set) var lines: [String] = []
    /// The new state of each state.
    private(set) var newStates: [String] = []

    /// Writes a formula.
    ///
    /// - Parameters:
    ///   - cell: The formula.
    ///   - shares: What share of each state's change happens.
    ///   - names: What the formula starts from, by the names in Python.
    init(_ cell: CellGraph, shares: [Float], names: Names) {
        let fixed = cell.fixedValues
        let steps = cell.stepNodes
        var uses: [CellGraph.NodeID: Int] = [:]
        for id in steps.flatMap({ cell.nodes[$0].operands }) + cell.newStates { uses[id, default: 0] += 1 }

        var values = [Expression](
            repeating: Expression(text: "", binding: .tight), count: cell.nodes.count)
        for id in steps {
            let node = cell.nodes[id]
            if let value = fixed[id], !node.operands.isEmpty {
                // In the digits that platforms agree about.
                values[id] = Expression(
                    text: Self.literal(Double("\(Float(value))") ?? value), binding: .tight)
                continue
            }
            let value = Self.expression(
                node, values, isFixed: { fixed[$0] != nil }, names: names, shares: shares)
            let isName = node.operands.isEmpty
            guard !isName, uses[id] ?? 0 > 1 || value.text.count > Self.longest else {
                values[id] = value
                continue
            }
            let name = "v\(lines.count + 1)"
            lines.append("\(name) = \(value.text)")
            values[id] = Expression(text: name, binding: .tight)
        }
        let ofTexts = cell.nodesOfTexts
        newStates = cell.newStates.enumerated().map { state, id in
            ofTexts.contains(id)
                ? values[id].text
                : "torch.zeros_like(\(names.states[state])) + \(values[id].text(atLeast: .product))"
        }
    }

    /// The names of gates, states and learned vectors.
    struct Names {
        let gates: [String]
        let inputGates: [String]
        let states: [String]
        let vectors: [String]
        let layerInput: String
    }

    private static func expression(
        _ node: CellGraph.Node, _ values: [Expression], isFixed: (CellGraph.NodeID) -> Bool, names: Names,
        shares: [Float]
    ) -> Expression {
        func call(_ function: String, _ arguments: String...) -> Expression {
            Expression(text: "\(function)(\(arguments.joined(separator: ", ")))", binding: .tight)
        }
        func infix(
            _ sign: String, _ a: CellGraph.NodeID, _ b: CellGraph.NodeID, _ binding: Expression.Binding,
            right: Expression.Binding
        ) -> Expression {
            Expression(
                text: "\(values[a].text(atLeast: binding)) \(sign) \(values[b].text(atLeast: right))",
                binding: binding)
        }
        /// The lesser or greater of two; a constant is a bound, since PyTorch compares tensors alone.
        func extreme(
            _ function: String, bound: String, _ a: CellGraph.NodeID, _ b: CellGraph.NodeID
        ) -> Expression {
            if isFixed(b) { return call("torch.clamp", values[a].text, "\(bound)=\(values[b].text)") }
            if isFixed(a) { return call("torch.clamp", values[b].text, "\(bound)=\(values[a].text)") }
            return call(function, values[a].text, values[b].text)
        }
        return switch node {
        case .gate(let gate): Expression(text: names.gates[gate], binding: .tight)
        case .gateInput(let split): Expression(text: names.inputGates[split], binding: .tight)
        case .previousState(let state): Expression(text: names.states[state], binding: .tight)
        case .parameter(let index): Expression(text: names.vectors[index], binding: .tight)
        case .layerInput: Expression(text: names.layerInput, binding: .tight)
        case .mask(let state): Expression(text: "\(shares[state])", binding: .tight)
        case .constant(let value): Expression(text: literal(value), binding: .tight)
        case .unary(let function, let a): call(function.torchName, values[a].text)
        case .binary(.add, let a, let b): infix("+", a, b, .sum, right: .product)
        case .binary(.subtract, let a, let b): infix("-", a, b, .sum, right: .product)
        case .binary(.multiply, let a, let b): infix("*", a, b, .product, right: .tight)
        case .binary(.divide, let a, let b): infix("/", a, b, .product, right: .tight)
        case .binary(.minimum, let a, let b): extreme("torch.minimum", bound: "max", a, b)
        case .binary(.maximum, let a, let b): extreme("torch.maximum", bound: "min", a, b)
        case .power(let a, let exponent): call("torch.pow", values[a].text, literal(exponent))
        // Of training alone; no new state needs one.
        case .stateGradient, .derivative, .gradientOfGreater: Expression(text: "", binding: .tight)
        }
    }

    /// A number in Python, which has no digits for what is not finite.
    private static func literal(_ value: Double) -> String {
        value.isFinite ? "\(value)" : "float(\"\(value)\")"
    }
}

extension UnaryFunction {
    /// The function of PyTorch.
    fileprivate var torchName: String {
        switch self {
        case .tanh, .sigmoid, .relu, .exp, .log, .sqrt, .abs: "torch.\(rawValue)"
        case .softplus: "torch.nn.functional.softplus"
        }
    }
}
