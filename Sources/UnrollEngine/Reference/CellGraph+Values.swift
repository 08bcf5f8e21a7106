import Foundation
import UnrollModel

extension CellGraph {
    /// The values of all nodes up to the new states, for one unit.
    ///
    /// - Parameters:
    ///   - gates: Each gate's value; of a split one, the half from the previous state.
    ///   - gateInputs: The other halves of split gates.
    ///   - states: The previous states.
    ///   - masks: For each state, what share of its change happens; read for masked states alone.
    /// - Returns: A value for every node.
    func forwardValues(
        gates: [Double], gateInputs: [Double], states: [Double], masks: [Double] = []
    ) -> [Double] {
        var values: [Double] = []
        for node in nodes[..<forwardCount] {
            values.append(
                value(
                    of: node, given: values,
                    leaves: Leaves(gates: gates, gateInputs: gateInputs, states: states, masks: masks)))
        }
        return values
    }

    /// The gradients of gates and previous states, for one unit.
    func gradients(
        forwardValues: [Double], stateGradients: [Double]
    ) -> (gates: [Double], gateInputs: [Double], states: [Double]) {
        var values = forwardValues
        for node in nodes[forwardCount...] {
            values.append(value(of: node, given: values, leaves: Leaves(stateGradients: stateGradients)))
        }
        return (
            gateGradients.map { values[$0] }, gateInputGradients.map { values[$0] },
            previousStateGradients.map { values[$0] }
        )
    }

    /// The values that a formula begins with.
    private struct Leaves {
        var gates: [Double] = []
        var gateInputs: [Double] = []
        var states: [Double] = []
        var masks: [Double] = []
        var stateGradients: [Double] = []
    }

    private func value(of node: Node, given values: [Double], leaves: Leaves) -> Double {
        switch node {
        case .gate(let index): leaves.gates[index]
        case .gateInput(let index): leaves.gateInputs[index]
        case .previousState(let index): leaves.states[index]
        case .mask(let state): leaves.masks[state]
        case .stateGradient(let index): leaves.stateGradients[index]
        case .constant(let constant): constant
        case .unary(.tanh, let a): tanh(values[a])
        case .unary(.sigmoid, let a): 1 / (1 + exp(-values[a]))
        case .unary(.relu, let a): values[a] > 0 || values[a].isNaN ? values[a] : 0
        case .binary(.add, let a, let b): values[a] + values[b]
        case .binary(.subtract, let a, let b): values[a] - values[b]
        case .binary(.multiply, let a, let b): values[a] * values[b]
        case .derivative(.tanh, let value, let gradient):
            values[gradient] * (1 - values[value] * values[value])
        case .derivative(.sigmoid, let value, let gradient):
            values[gradient] * values[value] * (1 - values[value])
        case .derivative(.relu, let value, let gradient): values[value] > 0 ? values[gradient] : 0
        }
    }
}
