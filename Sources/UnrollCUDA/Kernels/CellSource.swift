import UnrollModel

/// A cell's formula and its gradient as CUDA functions: `cell_forward` and `cell_backward`, which `recurrence.cu` calls
/// for each unit.
///
/// What the gradient needs of the formula's values is saved by the first for the second, except what is there anyway:
/// states before and after the step, learned vectors, the layer's input, and masks.
struct CellSource {
    private let graph: CellGraph
    /// The values that are saved for the gradient.
    private let saved: [CellGraph.NodeID]
    /// What has to be computed in each direction.
    private let needed: Set<CellGraph.NodeID>

    /// Plans the functions of a graph.
    init(_ graph: CellGraph) {
        self.graph = graph
        var needed = Set(
            graph.gateGradients + graph.gateInputGradients + graph.previousStateGradients
                + graph.parameterGradients + [graph.layerInputGradient].compactMap(\.self))
        var saved: Set<CellGraph.NodeID> = []
        for node in graph.nodes.indices.reversed() where needed.contains(node) {
            guard node < graph.forwardCount else {
                needed.formUnion(graph.nodes[node].operands)
                continue
            }
            if !Self.isAtHand(node, in: graph), !graph.newStates.contains(node) { saved.insert(node) }
        }
        self.saved = saved.sorted()
        // What the gradient reads of the formula is given to it, so only the formula's own results ask for its nodes.
        needed = needed.filter { $0 >= graph.forwardCount }
        needed.formUnion(graph.newStates + saved)
        for node in graph.nodes[..<graph.forwardCount].indices.reversed() where needed.contains(node) {
            needed.formUnion(graph.nodes[node].operands)
        }
        self.needed = needed
    }

    /// Units of a block of `step_forward`: fewer for cells of many gates, whose sums share one tile.
    var unitsOfBlock: Int { Self.unitsOfBlock(gates: graph.gateCount) }

    /// The same for so many gates.
    static func unitsOfBlock(gates: Int) -> Int {
        switch gates {
        case ...8: 16
        case ...16: 8
        case ...32: 4
        case ...64: 2
        default: 1
        }
    }

    /// How many values the formula saves for its gradient, for each unit.
    var savedCount: Int { saved.count }

    /// The definitions and both functions.
    var text: String {
        let masked = graph.nodes.reduce(UInt64(0)) { bits, node in
            if case .mask(let state) = node { bits | 1 << UInt64(state) } else { bits }
        }
        return """
            #define GATES \(graph.gateCount)
            #define HAS_SPLIT_GATES \(graph.splitGates.isEmpty ? 0 : 1)
            #define STATES \(graph.stateCount)
            #define VECTORS \(graph.parameterCount)
            #define READS_INPUT \(graph.readsLayerInput ? 1 : 0)
            #define SAVED \(saved.count)
            #define UNITS \(unitsOfBlock)
            #define IS_MASKED(state) (0x\(String(masked, radix: 16))ull >> (state) & 1)

            DEVICE void cell_forward(
                const float (&gates)[GATES], const float (&gate_inputs)[GATES], const float (&states)[STATES],
                const float (&vectors)[VECTORS + 1], float input, const float (&shares)[STATES],
                float (&new_states)[STATES], float (&saved)[SAVED + 1]) {
            \(lines(forward))
            }

            DEVICE void cell_backward(
                const float (&saved)[SAVED + 1], const float (&states)[STATES], const float (&vectors)[VECTORS + 1],
                float input, const float (&shares)[STATES], const float (&new_states)[STATES],
                const float (&state_gradients)[STATES], float (&gates)[GATES], float (&gate_inputs)[GATES],
                float (&previous)[STATES], float (&vector_gradients)[VECTORS + 1], float& input_gradient) {
            \(lines(backward))
            }

            """
    }

    private func lines(_ statements: [String]) -> String {
        statements.map { "    \($0);" }.joined(separator: "\n")
    }

    private var forward: [String] {
        graph.nodes[..<graph.forwardCount].indices.filter(needed.contains).map(definition)
            + graph.newStates.enumerated().map { "new_states[\($0)] = v\($1)" }
            + saved.enumerated().map { "saved[\($0)] = v\($1)" }
    }

    private var backward: [String] {
        let computed = graph.nodes.indices.filter { $0 >= graph.forwardCount && needed.contains($0) }
        let results =
            graph.gateGradients + graph.gateInputGradients + graph.previousStateGradients
            + graph.parameterGradients + [graph.layerInputGradient].compactMap(\.self)
        let read = Set(computed.flatMap { graph.nodes[$0].operands } + results)
        let given = read.filter { $0 < graph.forwardCount }.sorted().map { node in
            if let place = saved.firstIndex(of: node) { return "const float v\(node) = saved[\(place)]" }
            guard !Self.isAtHand(node, in: graph), let state = graph.newStates.firstIndex(of: node) else {
                return definition(of: node)
            }
            return "const float v\(node) = new_states[\(state)]"
        }
        // Of a split gate, the half from the input has a gradient of its own.
        let inputs = (0..<graph.gateCount).map { gate in
            graph.splitGates.firstIndex(of: gate).map { graph.gateInputGradients[$0] }
                ?? graph.gateGradients[gate]
        }
        return given + computed.map(definition)
            + graph.gateGradients.enumerated().map { "gates[\($0)] = v\($1)" }
            + inputs.enumerated().map { "gate_inputs[\($0)] = v\($1)" }
            + graph.previousStateGradients.enumerated().map { "previous[\($0)] = v\($1)" }
            + graph.parameterGradients.enumerated().map { "vector_gradients[\($0)] = v\($1)" }
            + ["input_gradient = " + (graph.layerInputGradient.map { "v\($0)" } ?? "0.0f")]
    }

    /// Whether both directions have a value without computing it.
    private static func isAtHand(_ node: CellGraph.NodeID, in graph: CellGraph) -> Bool {
        switch graph.nodes[node] {
        case .previousState, .parameter, .layerInput, .mask, .constant: true
        default: false
        }
    }

    private func definition(of node: CellGraph.NodeID) -> String {
        "const float v\(node) = \(expression(graph.nodes[node]))"
    }

    private func expression(_ node: CellGraph.Node) -> String {
        switch node {
        case .gate(let gate):
            graph.splitGates.contains(gate)
                ? "gates[\(gate)]" : "gates[\(gate)] + gate_inputs[\(gate)]"
        case .gateInput(let split): "gate_inputs[\(graph.splitGates[split])]"
        case .previousState(let state): "states[\(state)]"
        case .parameter(let index): "vectors[\(index)]"
        case .layerInput: "input"
        case .mask(let state): "shares[\(state)]"
        case .stateGradient(let state): "state_gradients[\(state)]"
        case .constant(let value): literal(Float(value))
        case .unary(let function, let a): "\(function.kernelName)(v\(a))"
        case .binary(.add, let a, let b): "v\(a) + v\(b)"
        case .binary(.subtract, let a, let b): "v\(a) - v\(b)"
        case .binary(.multiply, let a, let b): "v\(a) * v\(b)"
        case .binary(.divide, let a, let b): "v\(a) / v\(b)"
        case .binary(.minimum, let a, let b): "minimum(v\(a), v\(b))"
        case .binary(.maximum, let a, let b): "maximum(v\(a), v\(b))"
        case .power(let a, let exponent): "powf(v\(a), \(literal(Float(exponent))))"
        case .derivative(let function, let value, let gradient):
            "\(function.rawValue)_gradient(v\(value), v\(gradient))"
        case .gradientOfGreater(let a, let b, let gradient):
            "gradient_of_greater(v\(a), v\(b), v\(gradient))"
        }
    }

    /// A number by its bits where C++ has no digits for it.
    private func literal(_ value: Float) -> String {
        guard value.isFinite else { return "__int_as_float(0x\(String(value.bitPattern, radix: 16)))" }
        return "\(value)f"
    }
}

extension UnaryFunction {
    /// The name in CUDA C++, or in `functions.cuh`.
    fileprivate var kernelName: String {
        switch self {
        case .tanh: "tanhf"
        case .sigmoid: "sigmoid"
        case .relu: "relu"
        case .exp: "expf"
        case .log: "logf"
        case .sqrt: "sqrtf"
        case .abs: "fabsf"
        case .softplus: "softplus"
        }
    }
}
