import Foundation
import UnrollModel

extension CellGraph {
    /// The values of all nodes up to the new states, for one unit.
    func forwardValues(gates: [Double], states: [Double]) -> [Double] {
        var values: [Double] = []
        for node in nodes[..<forwardCount] {
            values.append(value(of: node, given: values, gates: gates, states: states, stateGradients: []))
        }
        return values
    }

    /// The gradients of gates and previous states, for one unit.
    func gradients(
        forwardValues: [Double], stateGradients: [Double]
    ) -> (gates: [Double], states: [Double]) {
        var values = forwardValues
        for node in nodes[forwardCount...] {
            values.append(
                value(of: node, given: values, gates: [], states: [], stateGradients: stateGradients))
        }
        return (gateGradients.map { values[$0] }, previousStateGradients.map { values[$0] })
    }

    private func value(
        of node: Node, given values: [Double], gates: [Double], states: [Double], stateGradients: [Double]
    ) -> Double {
        switch node {
        case .gate(let index): gates[index]
        case .previousState(let index): states[index]
        case .stateGradient(let index): stateGradients[index]
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
