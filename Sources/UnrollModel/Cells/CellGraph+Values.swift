import Foundation

extension CellGraph {
    /// What an operation makes of its operands' values in double precision.
    ///
    /// - Parameters:
    ///   - node: The operation.
    ///   - values: The value of every node up to it.
    /// - Returns: Its value; nil for what a formula begins with, such as gates, states and constants.
    package static func value(of node: Node, given values: [Double]) -> Double? {
        switch node {
        case .gate, .gateInput, .previousState, .parameter, .layerInput, .mask, .stateGradient, .constant: nil
        case .unary(let function, let a): function.value(at: values[a])
        case .binary(let function, let a, let b): function.value(at: values[a], values[b])
        case .power(let a, let exponent): pow(values[a], exponent)
        case .derivative(.tanh, let value, let gradient):
            values[gradient] * (1 - values[value] * values[value])
        case .derivative(.sigmoid, let value, let gradient):
            values[gradient] * values[value] * (1 - values[value])
        case .derivative(.relu, let value, let gradient): values[value] > 0 ? values[gradient] : 0
        case .derivative(.abs, let value, let gradient):
            values[value] > 0 ? values[gradient] : values[value] < 0 ? -values[gradient] : 0
        case .gradientOfGreater(let a, let b, let gradient):
            values[a] > values[b] ? values[gradient] : values[a] < values[b] ? 0 : values[gradient] / 2
        }
    }

    /// The values of the nodes that depend on constants alone, which are the same for every element.
    ///
    /// They are no constants in the graph: the last digit of a function may depend on the platform, and a formula's digest
    /// must not.
    package var fixedValues: [NodeID: Double] {
        var values = [Double](repeating: .nan, count: nodes.count)
        var fixed: [NodeID: Double] = [:]
        for (id, node) in nodes.enumerated() {
            let operands = node.operands
            if case .constant(let value) = node {
                values[id] = value
            } else if !operands.isEmpty, operands.allSatisfy({ fixed[$0] != nil }),
                let value = Self.value(of: node, given: values)
            {
                values[id] = value
            } else {
                continue
            }
            fixed[id] = values[id]
        }
        return fixed
    }
}
