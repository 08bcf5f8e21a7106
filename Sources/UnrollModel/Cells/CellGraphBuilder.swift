import Foundation
import UnrollBase

/// Collects the nodes of a cell's graph: equal nodes once, arithmetic of constants folded.
struct CellGraphBuilder {
    private(set) var nodes: [CellGraph.Node] = []
    /// The gates whose halves the formula uses apart, in rising order.
    private(set) var splitGates: [Int] = []
    private var ids: [CellGraph.Node: CellGraph.NodeID] = [:]
    private var visited: [ObjectIdentifier: CellGraph.NodeID] = [:]
    /// The nodes that depend on constants alone.
    private var fixed: Set<CellGraph.NodeID> = []
    let cell: any RecurrentCell.Type

    init(_ cell: any RecurrentCell.Type) throws(ModelError) {
        self.cell = cell
        for (kind, names) in [("gate", cell.gates), ("state", cell.states)] {
            guard !names.isEmpty, Set(names).count == names.count else {
                throw .invalidCell(cell.name, "its \(kind) names \(names) must be distinct and at least one")
            }
        }
        if let problem = cell.parameters.problem { throw .invalidCell(cell.name, problem) }
    }

    /// Adds the formula of one step and returns the new states in the cell's order.
    mutating func addStep() throws(ModelError) -> [CellGraph.NodeID] {
        let step = cell.step(GateValues(), StateValues())
        let given = step.entries.map(\.name)
        guard given.count == cell.states.count, Set(given) == Set(cell.states) else {
            throw .invalidCell(
                cell.name,
                "step returns the states \(given) but the cell declares \(cell.states)"
                    + Self.suggestion(for: given, among: cell.states))
        }
        // A gate is split throughout if it is anywhere, so this must be known before the first one is added.
        var seen: Set<ObjectIdentifier> = []
        var split: Set<Int> = []
        for name in cell.states {
            try findSplitGates(in: step[dynamicMember: name], seen: &seen, split: &split)
        }
        splitGates = split.sorted()
        var newStates: [CellGraph.NodeID] = []
        for name in cell.states {
            newStates.append(try add(step[dynamicMember: name]))
        }
        return newStates
    }

    /// Adds what lets a state change where its mask is one and stay where it is zero.
    mutating func addMask(of state: Int, to newValue: CellGraph.NodeID) -> CellGraph.NodeID {
        let previous = insert(.previousState(state))
        return add(previous, multiply(insert(.mask(state: state)), subtract(newValue, previous)))
    }

    private mutating func add(_ expression: CellExpression) throws(ModelError) -> CellGraph.NodeID {
        let identity = ObjectIdentifier(expression.node)
        if let id = visited[identity] { return id }
        let id: CellGraph.NodeID
        switch expression.node.content {
        case .gate(let name, let half):
            id = gate(try index(of: name, in: cell.gates, kind: "gate"), half)
        case .state(let name):
            id = insert(.previousState(try index(of: name, in: cell.states, kind: "state")))
        case .parameter(let name):
            id = insert(.parameter(try index(of: name, in: cell.vectorNames, kind: "vector")))
        case .layerInput:
            id = insert(.layerInput)
        case .constant(let value):
            id = constant(value)
        case .unary(let function, let operand):
            id = insert(.unary(function, try add(operand)))
        case .power(let operand, let exponent):
            id = power(try add(operand), exponent)
        case .binary(let binaryOperator, let left, let right):
            let (a, b) = (try add(left), try add(right))
            id =
                switch binaryOperator {
                case .add: add(a, b)
                case .subtract: subtract(a, b)
                case .multiply: multiply(a, b)
                case .divide: divide(a, b)
                case .minimum, .maximum: extreme(binaryOperator, a, b)
                }
        }
        visited[identity] = id
        return id
    }

    private mutating func gate(_ gate: Int, _ half: GateHalf?) -> CellGraph.NodeID {
        guard let split = splitGates.firstIndex(of: gate) else { return insert(.gate(gate)) }
        return switch half {
        case .input: insert(.gateInput(split))
        case .hidden: insert(.gate(gate))
        case nil: add(insert(.gateInput(split)), insert(.gate(gate)))
        }
    }

    private func findSplitGates(
        in expression: CellExpression, seen: inout Set<ObjectIdentifier>, split: inout Set<Int>
    ) throws(ModelError) {
        guard seen.insert(ObjectIdentifier(expression.node)).inserted else { return }
        switch expression.node.content {
        case .gate(_, nil), .state, .parameter, .layerInput, .constant: break
        case .gate(let name, .some): split.insert(try index(of: name, in: cell.gates, kind: "gate"))
        case .unary(_, let operand), .power(let operand, _):
            try findSplitGates(in: operand, seen: &seen, split: &split)
        case .binary(_, let left, let right):
            try findSplitGates(in: left, seen: &seen, split: &split)
            try findSplitGates(in: right, seen: &seen, split: &split)
        }
    }

    private func index(of name: String, in names: [String], kind: String) throws(ModelError) -> Int {
        guard let index = names.firstIndex(of: name) else {
            throw .invalidCell(
                cell.name,
                "step uses the \(kind) '\(name)' but the cell declares \(names)"
                    + Self.suggestion(for: [name], among: names))
        }
        return index
    }

    /// What was probably meant by the first name that is unknown, as the end of a sentence; empty if nothing is likely.
    private static func suggestion(for given: [String], among names: [String]) -> String {
        let unused = names.filter { !given.contains($0) }
        guard let unknown = given.first(where: { !names.contains($0) }),
            let name = Suggestion.likeliest(for: unknown, among: unused)
        else { return "" }
        return "; did you mean '\(name)'?"
    }

    mutating func insert(_ node: CellGraph.Node) -> CellGraph.NodeID {
        if let id = ids[node] { return id }
        nodes.append(node)
        ids[node] = nodes.count - 1
        let operands = node.operands
        let isConstant = if case .constant = node { true } else { false }
        if isConstant || (!operands.isEmpty && fixed.isSuperset(of: operands)) {
            fixed.insert(nodes.count - 1)
        }
        return nodes.count - 1
    }

    /// Whether a node depends on constants alone.
    func isFixed(_ id: CellGraph.NodeID) -> Bool { fixed.contains(id) }

    /// The node of a leaf that the formula uses; nil if it does not.
    func existing(_ leaf: CellGraph.Node) -> CellGraph.NodeID? { ids[leaf] }

    mutating func constant(_ value: Double) -> CellGraph.NodeID {
        insert(.constant(value))
    }

    private func value(_ id: CellGraph.NodeID) -> Double? {
        if case .constant(let value) = nodes[id] { value } else { nil }
    }

    mutating func add(_ a: CellGraph.NodeID, _ b: CellGraph.NodeID) -> CellGraph.NodeID {
        switch (value(a), value(b)) {
        case (let x?, let y?): constant(x + y)
        case (0, nil): b
        case (nil, 0): a
        default: insert(.binary(.add, a, b))
        }
    }

    mutating func subtract(_ a: CellGraph.NodeID, _ b: CellGraph.NodeID) -> CellGraph.NodeID {
        switch (value(a), value(b)) {
        case (let x?, let y?): constant(x - y)
        case (nil, 0): a
        default: insert(.binary(.subtract, a, b))
        }
    }

    mutating func multiply(_ a: CellGraph.NodeID, _ b: CellGraph.NodeID) -> CellGraph.NodeID {
        switch (value(a), value(b)) {
        case (let x?, let y?): constant(x * y)
        case (0, nil), (nil, 0): constant(0)
        case (1, nil): b
        case (nil, 1): a
        default: insert(.binary(.multiply, a, b))
        }
    }

    mutating func divide(_ a: CellGraph.NodeID, _ b: CellGraph.NodeID) -> CellGraph.NodeID {
        switch (value(a), value(b)) {
        case (let x?, let y?): constant(x / y)
        case (nil, 1): a
        default: insert(.binary(.divide, a, b))
        }
    }

    mutating func power(_ a: CellGraph.NodeID, _ exponent: Double) -> CellGraph.NodeID {
        switch exponent {
        case 0: constant(1)
        case 1: a
        case 2: multiply(a, a)
        case -1: divide(constant(1), a)
        case 0.5: insert(.unary(.sqrt, a))
        default: insert(.power(a, exponent))
        }
    }

    private mutating func extreme(
        _ extreme: BinaryOperator, _ a: CellGraph.NodeID, _ b: CellGraph.NodeID
    ) -> CellGraph.NodeID {
        if let x = value(a), let y = value(b) { return constant(extreme.value(at: x, y)) }
        return insert(.binary(extreme, a, b))
    }
}
