/// A cell's formula and its derivative as one list of elementwise operations in the order of execution.
///
/// The first `forwardCount` nodes compute the new states; the rest compute, from the gradients of the new states,
/// the gradients of gates, previous states and learned vectors. Equal sub-formulas occur once.
package struct CellGraph: Sendable {
    /// The index of a node, which is also its place in the order of execution.
    package typealias NodeID = Int

    package enum Node: Sendable, Hashable {
        /// A gate before any nonlinearity; of a split one, the half that comes from the previous state.
        case gate(Int)
        /// The half of a split gate that comes from the input, by its index in `splitGates`.
        case gateInput(Int)
        case previousState(Int)
        /// A learned vector, in the order in which the cell declares them.
        case parameter(Int)
        /// What the layer reads for the unit, where its input has as many numbers as it has units.
        case layerInput
        /// What share of a state's change happens: with zoneout, one or zero at random.
        case mask(state: Int)
        /// The gradient of the loss with respect to a new state.
        case stateGradient(Int)
        case constant(Double)
        case unary(UnaryFunction, NodeID)
        case binary(BinaryOperator, NodeID, NodeID)
        case power(NodeID, Double)
        /// `gradient` times the derivative of a function.
        case derivative(Derivative, value: NodeID, gradient: NodeID)
        /// `gradient` where `a` is greater than `b`, half of it where they are equal, zero where `a` is less.
        case gradientOfGreater(a: NodeID, b: NodeID, gradient: NodeID)

        package var operands: [NodeID] {
            switch self {
            case .gate, .gateInput, .previousState, .parameter, .layerInput, .mask, .stateGradient, .constant:
                []
            case .unary(_, let a), .power(let a, _): [a]
            case .binary(_, let a, let b): [a, b]
            case .derivative(_, let value, let gradient): [value, gradient]
            case .gradientOfGreater(let a, let b, let gradient): [a, b, gradient]
            }
        }
    }

    /// A derivative that is an operation of its own; those of other functions are made of ordinary nodes.
    package enum Derivative: String, Sendable, Hashable, CaseIterable {
        // By the function's value, so that the argument need not be kept.
        case tanh
        case sigmoid
        case relu
        /// The sign of the argument, which is the `value`.
        case abs
    }

    package let gateCount: Int
    package let stateCount: Int
    /// How many learned vectors the cell declares.
    package let parameterCount: Int
    /// The gates whose halves the formula uses apart, in rising order.
    package let splitGates: [Int]
    package let nodes: [Node]
    package let forwardCount: Int
    /// The new value of each state.
    package let newStates: [NodeID]
    /// The gradient with respect to each gate; of a split one, to the half from the previous state.
    package let gateGradients: [NodeID]
    /// The gradient with respect to the half of each split gate that comes from the input.
    package let gateInputGradients: [NodeID]
    /// The gradient with respect to each previous state, without what flows through the gates.
    package let previousStateGradients: [NodeID]
    /// What each unit and step adds to the gradient with respect to each learned vector.
    package let parameterGradients: [NodeID]
    /// The gradient with respect to what the layer reads, without what flows through the gates; nil if the formula does not
    /// read it.
    package let layerInputGradient: NodeID?

    /// Runs the cell's formula on symbols and derives its gradient.
    ///
    /// - Parameters:
    ///   - cell: The cell.
    ///   - maskedStates: The states whose change is multiplied with a mask.
    /// - Throws: `ModelError.invalidCell` when the formula is not well-formed.
    package init(of cell: any RecurrentCell.Type, maskedStates: [Int] = []) throws(ModelError) {
        var builder = try CellGraphBuilder(cell)
        var newStates = try builder.addStep()
        for state in maskedStates { newStates[state] = builder.addMask(of: state, to: newStates[state]) }
        let forwardCount = builder.nodes.count
        let gradients = builder.addGradients(of: newStates)
        gateCount = cell.gates.count
        stateCount = cell.states.count
        parameterCount = cell.vectorNames.count
        nodes = builder.nodes
        self.forwardCount = forwardCount
        self.newStates = newStates
        splitGates = builder.splitGates
        gateGradients = gradients.gates
        gateInputGradients = gradients.gateInputs
        previousStateGradients = gradients.states
        parameterGradients = gradients.parameters
        layerInputGradient = nodes[..<forwardCount].contains(.layerInput) ? gradients.layerInput : nil
    }

    /// Whether the formula reads the layer's own input.
    package var readsLayerInput: Bool { layerInputGradient != nil }

    /// The nodes that the new states are computed from, in the order of execution.
    ///
    /// What was folded into constants is left behind in `nodes`, and no part of the formula.
    package var stepNodes: [NodeID] {
        var needed = Set(newStates)
        for node in nodes[..<forwardCount].indices.reversed() where needed.contains(node) {
            needed.formUnion(nodes[node].operands)
        }
        return needed.sorted()
    }

    /// Whether the node is the constant zero, so that nothing need be computed.
    package func isZero(_ node: NodeID) -> Bool {
        nodes[node] == .constant(0)
    }
}
