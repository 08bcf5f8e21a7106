import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport

@Suite struct CellGraphTests {
    // MARK: The derivative of a formula is the slope of the formula

    @Test(arguments: cells.indices)
    func derivativesAreSlopes(index: Int) throws {
        let graph = try CellGraph(of: cells[index])
        var source = RandomSource(seed: 1, purpose: .initialization, index: UInt32(index))
        for _ in 0..<20 {
            let gates = (0..<graph.gateCount).map { _ in Double.random(in: -2...2, using: &source) }
            let states = (0..<graph.stateCount).map { _ in Double.random(in: -1...1, using: &source) }
            let weights = (0..<graph.stateCount).map { _ in Double.random(in: -1...1, using: &source) }
            let inputs = graph.splitGates.map { _ in Double.random(in: -2...2, using: &source) }
            let read = Double.random(in: -1...1, using: &source)
            let vectors = (0..<graph.parameterCount).map { _ in Double.random(in: -1...1, using: &source) }
            // A loss that is linear in the new states has `weights` as their gradients.
            func loss(
                _ gates: [Double], _ inputs: [Double], _ states: [Double], _ vectors: [Double],
                _ read: Double
            ) -> Double {
                let values = graph.values(
                    gates: gates, gateInputs: inputs, states: states, parameters: vectors,
                    layerInput: read, stateGradients: weights)
                return zip(weights, graph.newStates).reduce(0) { $0 + $1.0 * values[$1.1] }
            }
            let values = graph.values(
                gates: gates, gateInputs: inputs, states: states, parameters: vectors,
                layerInput: read, stateGradients: weights)
            for (gate, node) in graph.gateGradients.enumerated() where abs(gates[gate]) > 1e-4 {
                let expected = slope(at: gates, gate) { loss($0, inputs, states, vectors, read) }
                #expect(abs(values[node] - expected) < 1e-8)
            }
            for (split, node) in graph.gateInputGradients.enumerated() {
                let expected = slope(at: inputs, split) { loss(gates, $0, states, vectors, read) }
                #expect(abs(values[node] - expected) < 1e-8)
            }
            for (state, node) in graph.previousStateGradients.enumerated() {
                let expected = slope(at: states, state) { loss(gates, inputs, $0, vectors, read) }
                #expect(abs(values[node] - expected) < 1e-8)
            }
            for (vector, node) in graph.parameterGradients.enumerated() {
                let expected = slope(at: vectors, vector) { loss(gates, inputs, states, $0, read) }
                #expect(abs(values[node] - expected) < 1e-8)
            }
            if let node = graph.layerInputGradient {
                let expected = slope(at: [read], 0) { loss(gates, inputs, states, vectors, $0[0]) }
                #expect(abs(values[node] - expected) < 1e-8)
            }
        }
    }

    private func slope(at point: [Double], _ index: Int, of function: ([Double]) -> Double) -> Double {
        let step = 1e-5
        var (above, below) = (point, point)
        above[index] += step
        below[index] -= step
        return (function(above) - function(below)) / (2 * step)
    }

    @Test func theRectifierHasNoSlopeAtZero() throws {
        let graph = try CellGraph(of: ReLUCell.self)
        for (z, expected) in [(-1.0, 0.0), (0, 0), (2, 3)] {
            let values = graph.values(gates: [z], states: [0.5], stateGradients: [3])
            #expect(values[graph.newStates[0]] == max(z, 0))
            #expect(values[graph.gateGradients[0]] == expected)
        }
    }

    // MARK: Form

    @Test func onlyGatesWhoseHalvesAreUsedApartAreSplit() throws {
        #expect(try CellGraph(of: LSTMCell.self).splitGates.isEmpty)
        #expect(try CellGraph(of: GRUCell.self).splitGates == [2])
        #expect(try CellGraph(of: Halves.self).splitGates == [0, 2])
    }

    /// A whole gate is the sum of its halves wherever one of them is used alone.
    @Test func aSplitGateIsTheSumOfItsHalves() throws {
        let graph = try CellGraph(of: Halves.self)
        let values = graph.values(
            gates: [0.25, 0.5, 2], gateInputs: [0.5, 3], states: [0], stateGradients: [1])
        #expect(abs(values[graph.newStates[0]] - (0.75 * 0.5 + 2 - 3 * 0.25)) < 1e-15)
    }

    @Test func operandsStandBeforeTheirUse() throws {
        for cell in cells {
            let graph = try CellGraph(of: cell)
            for (id, node) in graph.nodes.enumerated() {
                #expect(node.operands.allSatisfy { $0 < id })
            }
            #expect(graph.newStates.allSatisfy { $0 < graph.forwardCount })
            #expect(Set(graph.nodes).count == graph.nodes.count)
        }
    }

    @Test func everythingComputedIsUsed() throws {
        for cell in cells {
            let graph = try CellGraph(of: cell)
            var used = Set(graph.newStates + graph.gateGradients + graph.gateInputGradients)
            used.formUnion(graph.previousStateGradients + graph.parameterGradients)
            if let node = graph.layerInputGradient { used.insert(node) }
            for id in graph.nodes.indices.reversed() where used.contains(id) {
                used.formUnion(graph.nodes[id].operands)
            }
            for (id, node) in graph.nodes.enumerated() where !used.contains(id) {
                #expect(node.operands.isEmpty, "\(cell.name) computes \(node) for nothing")
            }
        }
    }

    @Test func equalFormulasOccurOnce() throws {
        enum Repetitive: RecurrentCell {
            static let name = "repetitive"
            static let gates = ["z"]
            static let states = ["h", "c"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z) * previous.c, "c": tanh(gates.z) * previous.c]
            }
        }
        let graph = try CellGraph(of: Repetitive.self)
        #expect(graph.newStates[0] == graph.newStates[1])
        // z, tanh(z), c and their product.
        #expect(graph.forwardCount == 4)
        let values = graph.values(gates: [0.3], states: [9, 0.7], stateGradients: [2, 5])
        #expect(values[graph.previousStateGradients[1]] == 7 * tanh(0.3))
    }

    @Test func constantsFold() throws {
        enum Foldable: RecurrentCell {
            static let name = "foldable"
            static let gates = ["z"]
            static let states = ["h", "a", "b", "c"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                [
                    "c": (2 * 3 + 0.5 - 1) * 1 + 0,
                    "h": 1 * gates.z * 1 - 0,
                    "a": 0 + previous.a * 0 + 0 * previous.b,
                    "b": -(-previous.b) * 0 + previous.b,
                ]
            }
        }
        let graph = try CellGraph(of: Foldable.self)
        #expect(graph.nodes[graph.newStates[0]] == .gate(0))
        #expect(graph.isZero(graph.newStates[1]))
        #expect(graph.nodes[graph.newStates[2]] == .previousState(2))
        #expect(graph.nodes[graph.newStates[3]] == .constant(5.5))
        #expect(graph.nodes[graph.gateGradients[0]] == .stateGradient(0))
        #expect(graph.previousStateGradients.map(graph.isZero) == [true, true, false, true])
        #expect(graph.nodes[graph.previousStateGradients[2]] == .stateGradient(2))
    }

    @Test func numbersFromVariablesAreConstants() throws {
        enum Variable: RecurrentCell {
            static let name = "variable"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                let rate = 0.3
                var h = rate * previous.h + (1 - rate) * gates.z
                h += rate
                h -= 0.5
                h *= rate * 2.0
                h /= rate
                return ["h": 1 / h - rate + h / rate - (rate - h) + (rate + h * rate)]
            }
        }
        let graph = try CellGraph(of: Variable.self)
        let values = graph.values(gates: [0.7], states: [0.2], stateGradients: [1])
        let h = (0.3 * 0.2 + 0.7 * 0.7 + 0.3 - 0.5) * 0.6 / 0.3
        let expected = 1 / h - 0.3 + h / 0.3 - (0.3 - h) + (0.3 + h * 0.3)
        #expect(abs(values[graph.newStates[0]] - expected) < 1e-12)
    }

    /// Their last digit may depend on the platform, and a digest must not: they stay in the graph, with a known value.
    @Test func functionsOfConstantsHaveFixedValues() throws {
        enum Fixed: RecurrentCell {
            static let name = "fixed"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": gates.z * (exp(0.5) - pow(2, 1.5)) + max(3, 2) / min(4, 8)]
            }
        }
        let graph = try CellGraph(of: Fixed.self)
        let fixed = graph.fixedValues
        #expect(graph.nodes.contains(.constant(0.75)))
        #expect(graph.nodes.indices.filter { fixed[$0] == exp(0.5) - pow(2, 1.5) }.count == 1)
        #expect(fixed[graph.newStates[0]] == nil)
        // No gradient goes to a constant: there are zero, the state's gradient and its product with the factor.
        #expect(graph.nodes.count == graph.forwardCount + 3)
    }

    @Test func wholePowersAreProducts() throws {
        enum Powers: RecurrentCell {
            static let name = "powers"
            static let gates = ["z"]
            static let states = ["h", "a", "b", "c", "d"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                [
                    "h": pow(gates.z, 2), "a": pow(gates.z, 0), "b": pow(gates.z, 1), "c": pow(gates.z, -1),
                    "d": pow(gates.z, 0.5),
                ]
            }
        }
        let graph = try CellGraph(of: Powers.self)
        let z = try #require(graph.nodes.firstIndex(of: .gate(0)))
        let one = try #require(graph.nodes.firstIndex(of: .constant(1)))
        #expect(
            graph.newStates.map { graph.nodes[$0] } == [
                .binary(.multiply, z, z), .constant(1), .gate(0), .binary(.divide, one, z), .unary(.sqrt, z),
            ])
    }

    @Test func oneMinusAGateIsOneOperation() throws {
        enum Complement: RecurrentCell {
            static let name = "complement"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": 1 - gates.z]
            }
        }
        let graph = try CellGraph(of: Complement.self)
        #expect(
            Set(graph.nodes.prefix(graph.forwardCount)) == [
                .constant(1), .gate(0),
                .binary(
                    .subtract, graph.nodes.firstIndex(of: .constant(1)) ?? -1,
                    graph.nodes.firstIndex(of: .gate(0)) ?? -1),
            ])
        #expect(graph.values(gates: [0.25], states: [0], stateGradients: [2])[graph.gateGradients[0]] == -2)
    }

    // MARK: Malformed cells

    @Test func aGateMustBeDeclared() {
        enum Cell: RecurrentCell {
            static let name = "undeclared gate"
            static let gates = ["z"]
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z) * gates.forget]
            }
        }
        expectInvalid(Cell.self, #"step uses the gate 'forget' but the cell declares ["z"]"#)
    }

    @Test func aStateMustBeDeclared() {
        enum Cell: RecurrentCell {
            static let name = "undeclared state"
            static let gates = ["z"]
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z) * previous.c]
            }
        }
        expectInvalid(Cell.self, #"step uses the state 'c' but the cell declares ["h"]"#)
    }

    @Test func stepMustReturnEveryState() {
        enum Cell: RecurrentCell {
            static let name = "missing state"
            static let gates = ["z"]
            static let states = ["h", "c"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z)]
            }
        }
        expectInvalid(Cell.self, #"step returns the states ["h"] but the cell declares ["h", "c"]"#)
    }

    @Test func stepMustReturnNoOtherState() {
        enum Cell: RecurrentCell {
            static let name = "extra state"
            static let gates = ["z"]
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z), "c": gates.z]
            }
        }
        expectInvalid(Cell.self, #"step returns the states ["h", "c"] but the cell declares ["h"]"#)
    }

    @Test func stepMustReturnAStateOnce() {
        enum Cell: RecurrentCell {
            static let name = "state twice"
            static let gates = ["z"]
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z), "h": gates.z]
            }
        }
        expectInvalid(Cell.self, #"step returns the states ["h", "h"]"#)
    }

    @Test func thereMustBeAGate() {
        enum Cell: RecurrentCell {
            static let name = "no gates"
            static let gates: [String] = []
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": previous.h]
            }
        }
        expectInvalid(Cell.self, "its gate names [] must be distinct and at least one")
    }

    @Test func namesMustBeDistinct() {
        enum Cell: RecurrentCell {
            static let name = "same names"
            static let gates = ["z"]
            static let states = ["h", "h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.z)]
            }
        }
        expectInvalid(Cell.self, #"its state names ["h", "h"] must be distinct"#)
    }

    @Test func aMisspelledNameIsReportedWithTheOneThatWasMeant() {
        enum Gate: RecurrentCell {
            static let name = "misspelled gate"
            static let gates = ["reset", "update"]
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": tanh(gates.update) * gates.hidden.rest]
            }
        }
        expectInvalid(Gate.self, #"but the cell declares ["reset", "update"]; did you mean 'reset'?"#)
        enum State: RecurrentCell {
            static let name = "misspelled state"
            static let gates = ["z"]
            static let states = ["h", "memory"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": max(gates.z, previous.memroy), "memory": gates.z]
            }
        }
        expectInvalid(State.self, #"["h", "memory"]; did you mean 'memory'?"#)
        enum Result: RecurrentCell {
            static let name = "misspelled result"
            static let gates = ["z"]
            static let states = ["h", "memory"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": gates.z, "mem": pow(previous.memory, 2)]
            }
        }
        expectInvalid(Result.self, #"["h", "memory"]; did you mean 'memory'?"#)
    }

    private func expectInvalid(
        _ cell: any RecurrentCell.Type, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: ModelError.self, sourceLocation: sourceLocation) {
            _ = try CellGraph(of: cell)
        }
        guard case .invalidCell(cell.name, let actual)? = error else {
            Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
        #expect(actual.contains(reason), sourceLocation: sourceLocation)
    }
}

// MARK: - Cells to differentiate

private let cells: [any RecurrentCell.Type] = [
    TanhCell.self, ReLUCell.self, LSTMCell.self, GRUCell.self, MinimalGatedUnit.self, Peephole.self,
    Halves.self, FunctionsCell.self, PeepholeCell.self, LearnedLeakCell.self, VectorsCell.self,
    ShiftedCell.self, HighwayCell.self, ResidualCell.self, PassingCell.self,
]

/// One gate that decides how much of the old state to keep.
private enum MinimalGatedUnit: RecurrentCell {
    static let name = "minimal-gated-unit"
    static let gates = ["f", "n"]
    static let states = ["h"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let f = sigmoid(gates.f)
        return ["h": (1 - f) * previous.h + f * tanh(gates.n)]
    }
}

/// Gates that see the cell's memory too, with constants in every place.
private enum Peephole: RecurrentCell {
    static let name = "peephole"
    static let gates = ["i", "f", "g", "o"]
    static let states = ["h", "c"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let i = sigmoid(gates.i + 0.5 * previous.c)
        let f = sigmoid(gates.f - previous.c * 0.25 + 1)
        let c = f * previous.c + i * tanh(gates.g) - 0.125
        return ["h": sigmoid(gates.o + c) * tanh(-c), "c": c]
    }
}

/// A gate whole and by half, one whole only, one by both halves.
private enum Halves: RecurrentCell {
    static let name = "halves"
    static let gates = ["a", "b", "c"]
    static let states = ["h"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": gates.a * gates.b + gates.hidden.c - gates.input.c * gates.hidden.a]
    }
}

// MARK: - Interpreter

extension CellGraph {
    /// Computes every node for one hidden unit.
    fileprivate func values(
        gates: [Double], gateInputs: [Double] = [], states: [Double], parameters: [Double] = [],
        layerInput: Double = 0, stateGradients: [Double]
    ) -> [Double] {
        var values: [Double] = []
        for node in nodes {
            switch node {
            case .gate(let index): values.append(gates[index])
            case .gateInput(let index): values.append(gateInputs[index])
            case .mask: values.append(1)
            case .previousState(let index): values.append(states[index])
            case .parameter(let index): values.append(parameters[index])
            case .layerInput: values.append(layerInput)
            case .stateGradient(let index): values.append(stateGradients[index])
            case .constant(let value): values.append(value)
            case .unary(.tanh, let a): values.append(Foundation.tanh(values[a]))
            case .unary(.sigmoid, let a): values.append(1 / (1 + exp(-values[a])))
            case .unary(.relu, let a): values.append(max(values[a], 0))
            case .binary(.add, let a, let b): values.append(values[a] + values[b])
            case .binary(.subtract, let a, let b): values.append(values[a] - values[b])
            case .binary(.multiply, let a, let b): values.append(values[a] * values[b])
            case .unary(.exp, let a): values.append(exp(values[a]))
            case .unary(.log, let a): values.append(log(values[a]))
            case .unary(.sqrt, let a): values.append(sqrt(values[a]))
            case .unary(.abs, let a): values.append(abs(values[a]))
            case .unary(.softplus, let a): values.append(log(1 + exp(values[a])))
            case .binary(.divide, let a, let b): values.append(values[a] / values[b])
            case .binary(.minimum, let a, let b): values.append(min(values[a], values[b]))
            case .binary(.maximum, let a, let b): values.append(max(values[a], values[b]))
            case .power(let a, let exponent): values.append(pow(values[a], exponent))
            case .derivative(.abs, let x, let g): values.append(values[x] < 0 ? -values[g] : values[g])
            case .gradientOfGreater(let a, let b, let g):
                let difference = values[a] - values[b]
                values.append(difference == 0 ? values[g] / 2 : difference > 0 ? values[g] : 0)
            case .derivative(.tanh, let y, let g): values.append(values[g] * (1 - values[y] * values[y]))
            case .derivative(.sigmoid, let y, let g): values.append(values[g] * values[y] * (1 - values[y]))
            case .derivative(.relu, let y, let g): values.append(values[y] > 0 ? values[g] : 0)
            }
        }
        return values
    }
}
