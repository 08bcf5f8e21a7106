import UnrollModel

/// What a cell's formula starts from, as names of tensors.
struct ONNXFormulaInputs {
    /// The half of all gates from the layer's input, bias included, `[B, G H]`.
    let gates: String
    /// The half of all gates from the previous state, without the bias, is the product of that state with these
    /// weights, `[H, G H]`.
    let recurrentWeights: String
    /// The bias of that half, `[G H]`.
    let recurrentBias: String
    /// What the layer reads for each unit, `[B, H]`; nil if the formula does not ask for it.
    let layerInput: String?
    /// The previous states, `[B, H]` each.
    let states: [String]
    /// The learned vectors, `[H]` each.
    let vectors: [String]
}

extension ONNXGraphBuilder {
    /// Adds the operators of one step of a cell: its gates, then its formula, operation by operation.
    ///
    /// - Parameters:
    ///   - cell: The formula.
    ///   - shares: What share of each state's change happens, as zoneout lets one expect.
    ///   - inputs: What the formula starts from.
    /// - Returns: The new states, `[B, H]` each.
    mutating func addStep(
        of cell: CellGraph, shares: [Float], from inputs: ONNXFormulaInputs
    ) -> [String] {
        let steps = cell.stepNodes
        let gates = addGates(of: cell, steps: steps, from: inputs)
        var values = [String](repeating: "", count: cell.nodes.count)
        for id in steps {
            switch cell.nodes[id] {
            case .gate(let gate): values[id] = gates.whole[gate]
            case .gateInput(let split): values[id] = gates.inputs[cell.splitGates[split]]
            case .previousState(let state): values[id] = inputs.states[state]
            case .parameter(let index): values[id] = inputs.vectors[index]
            case .layerInput: values[id] = inputs.layerInput ?? ""
            case .mask(let state): values[id] = constant(shares[state])
            case .constant(let value): values[id] = constant(Float(value))
            case .unary(let function, let a): values[id] = add(function.operation, values[a])
            case .binary(let function, let a, let b):
                values[id] = add(function.operation, values[a], values[b])
            case .power(let a, let exponent):
                values[id] = add("Pow", values[a], constant(Float(exponent)))
            // Of training alone; no new state needs one.
            case .stateGradient, .derivative, .gradientOfGreater: break
            }
        }
        let ofTexts = cell.nodesOfTexts
        return cell.newStates.enumerated().map { state, id in
            guard !ofTexts.contains(id) else { return values[id] }
            return add("Expand", values[id], add("Shape", inputs.states[state]))
        }
    }

    /// Adds the gates that a formula uses.
    ///
    /// - Returns: Of each gate the sum of its halves, or of a split one the half from the previous state; and the halves
    ///   from the input, where any gate is split.
    private mutating func addGates(
        of cell: CellGraph, steps: [CellGraph.NodeID], from inputs: ONNXFormulaInputs
    ) -> (whole: [String], inputs: [String]) {
        let gates = 0..<cell.gateCount
        let readsState = steps.contains { if case .gate = cell.nodes[$0] { true } else { false } }
        let readsHalves = !cell.splitGates.isEmpty
        let none = gates.map { _ in "" }
        let inputHalves = readsHalves ? addParts(of: inputs.gates, gates) : none
        guard readsState else { return (none, inputHalves) }
        let product = add("MatMul", inputs.states[0], inputs.recurrentWeights)
        let hidden = add("Add", product, inputs.recurrentBias, as: "hidden_gates")
        // Of cells without split gates, halves are added before they are cut.
        guard readsHalves else {
            return (addParts(of: add("Add", inputs.gates, hidden, as: "gates"), gates), none)
        }
        let hiddenHalves = addParts(of: hidden, gates)
        let whole = gates.map { gate in
            cell.splitGates.contains(gate)
                ? hiddenHalves[gate] : add("Add", inputHalves[gate], hiddenHalves[gate], as: "gate")
        }
        return (whole, inputHalves)
    }

    /// Cuts the gates of all units apart.
    private mutating func addParts(of gates: String, _ indices: Range<Int>) -> [String] {
        let parts = indices.map { _ in name("gate") }
        add("Split", [gates], outputs: parts, [("axis", .integer(-1))])
        return parts
    }
}

extension UnaryFunction {
    /// The operator of ONNX.
    fileprivate var operation: String {
        switch self {
        case .tanh: "Tanh"
        case .sigmoid: "Sigmoid"
        case .relu: "Relu"
        case .exp: "Exp"
        case .log: "Log"
        case .sqrt: "Sqrt"
        case .abs: "Abs"
        case .softplus: "Softplus"
        }
    }
}

extension BinaryOperator {
    /// The operator of ONNX.
    fileprivate var operation: String {
        switch self {
        case .add: "Add"
        case .subtract: "Sub"
        case .multiply: "Mul"
        case .divide: "Div"
        case .minimum: "Min"
        case .maximum: "Max"
        }
    }
}
