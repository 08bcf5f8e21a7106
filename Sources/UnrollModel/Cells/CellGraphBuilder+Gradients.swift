extension CellGraphBuilder {
    /// The gradients that a formula's derivative is made for.
    struct LeafGradients {
        let gates, gateInputs, states, parameters: [CellGraph.NodeID]
        let layerInput: CellGraph.NodeID
    }

    /// Adds what computes the gradients of all that a formula reads, by reverse-mode differentiation.
    ///
    /// The gradient of what depends on constants alone is not needed, so nothing is added to compute one.
    mutating func addGradients(of newStates: [CellGraph.NodeID]) -> LeafGradients {
        let zero = constant(0)
        var gradients = Gradients()
        let last = nodes.count - 1
        for (state, node) in newStates.enumerated() {
            gradients[node] = add(gradients[node] ?? zero, insert(.stateGradient(state)))
        }
        for node in stride(from: last, through: 0, by: -1) where !isFixed(node) {
            guard let gradient = gradients[node] else { continue }
            addGradients(ofOperandsOf: node, gradient, to: &gradients, zero: zero)
        }
        func gradient(of leaf: CellGraph.Node) -> CellGraph.NodeID {
            existing(leaf).flatMap { gradients[$0] } ?? zero
        }
        return LeafGradients(
            gates: cell.gates.indices.map { gradient(of: .gate($0)) },
            gateInputs: splitGates.indices.map { gradient(of: .gateInput($0)) },
            states: cell.states.indices.map { gradient(of: .previousState($0)) },
            parameters: cell.vectorNames.indices.map { gradient(of: .parameter($0)) },
            layerInput: gradient(of: .layerInput))
    }

    /// The gradient of each node, as far as it has been found.
    private typealias Gradients = [CellGraph.NodeID: CellGraph.NodeID]

    /// Adds what a node's gradient gives to those of its operands.
    private mutating func addGradients(
        ofOperandsOf node: CellGraph.NodeID, _ gradient: CellGraph.NodeID, to gradients: inout Gradients,
        zero: CellGraph.NodeID
    ) {
        switch nodes[node] {
        case .gate, .gateInput, .previousState, .parameter, .layerInput, .mask, .stateGradient, .constant,
            .derivative, .gradientOfGreater:
            break
        case .unary(let function, let a):
            let slope = derivative(of: function, at: a, value: node, times: gradient)
            gradients[a] = add(gradients[a] ?? zero, slope)
        case .power(let a, let exponent):
            let slope = multiply(constant(exponent), power(a, exponent - 1))
            gradients[a] = add(gradients[a] ?? zero, multiply(gradient, slope))
        case .binary(.add, let a, let b):
            if !isFixed(a) { gradients[a] = add(gradients[a] ?? zero, gradient) }
            if !isFixed(b) { gradients[b] = add(gradients[b] ?? zero, gradient) }
        case .binary(.subtract, let a, let b):
            if !isFixed(a) { gradients[a] = add(gradients[a] ?? zero, gradient) }
            if !isFixed(b) { gradients[b] = subtract(gradients[b] ?? zero, gradient) }
        case .binary(.multiply, let a, let b):
            if !isFixed(a) { gradients[a] = add(gradients[a] ?? zero, multiply(gradient, b)) }
            if !isFixed(b) { gradients[b] = add(gradients[b] ?? zero, multiply(gradient, a)) }
        case .binary(.divide, let a, let b):
            let share = divide(gradient, b)
            if !isFixed(a) { gradients[a] = add(gradients[a] ?? zero, share) }
            if !isFixed(b) { gradients[b] = subtract(gradients[b] ?? zero, multiply(share, node)) }
        case .binary(.maximum, let a, let b):
            for (own, other) in [(a, b), (b, a)] where !isFixed(own) {
                let share = insert(.gradientOfGreater(a: own, b: other, gradient: gradient))
                gradients[own] = add(gradients[own] ?? zero, share)
            }
        case .binary(.minimum, let a, let b):
            for (own, other) in [(a, b), (b, a)] where !isFixed(own) {
                let share = insert(.gradientOfGreater(a: other, b: own, gradient: gradient))
                gradients[own] = add(gradients[own] ?? zero, share)
            }
        }
    }

    /// A gradient times the derivative of a function at the argument `a`, where it has the value `value`.
    private mutating func derivative(
        of function: UnaryFunction, at a: CellGraph.NodeID, value: CellGraph.NodeID,
        times gradient: CellGraph.NodeID
    ) -> CellGraph.NodeID {
        switch function {
        case .tanh: insert(.derivative(.tanh, value: value, gradient: gradient))
        case .sigmoid: insert(.derivative(.sigmoid, value: value, gradient: gradient))
        case .relu: insert(.derivative(.relu, value: value, gradient: gradient))
        case .abs: insert(.derivative(.abs, value: a, gradient: gradient))
        case .exp: multiply(gradient, value)
        case .log: divide(gradient, a)
        case .sqrt: multiply(constant(0.5), divide(gradient, value))
        case .softplus: multiply(gradient, insert(.unary(.sigmoid, a)))
        }
    }
}
