import Foundation
import UnrollBase

extension RecurrentCell {
    /// The SHA-256 digest of the cell's formula, in 64 hexadecimal digits.
    ///
    /// It is that of ``CellGraph/canonicalText``: equal for formulas that compute the same numbers in the same order,
    /// whatever the cell, its gates, its states and its learned vectors are called.
    package static var digest: String {
        get throws(ModelError) { Checksum.sha256(Data(try CellGraph(of: self).canonicalText.utf8)) }
    }
}

extension CellGraph {
    /// The formula of one step as text: a line for each operation that a new state needs, in the order of execution.
    ///
    /// Gates, states and learned vectors are numbered in the cell's order, by which parameters are stacked. Constants are bits, so that no
    /// two numbers look alike. Models are recognized by this text's digest, so it never changes.
    package var canonicalText: String {
        var lines = ["unroll-cell 1", "gates \(gateCount)", "states \(stateCount)"]
        if parameterCount > 0 { lines.append("parameters \(parameterCount)") }
        var numbers: [NodeID: Int] = [:]
        for node in stepNodes {
            numbers[node] = numbers.count
            let operands = nodes[node].operands.map { "\(numbers[$0] ?? -1)" }
            lines.append(([operation(nodes[node])] + operands).joined(separator: " "))
        }
        lines.append((["new"] + newStates.map { "\(numbers[$0] ?? -1)" }).joined(separator: " "))
        return lines.map { $0 + "\n" }.joined()
    }

    private func operation(_ node: Node) -> String {
        switch node {
        case .gate(let gate): splitGates.contains(gate) ? "hidden-half \(gate)" : "gate \(gate)"
        case .gateInput(let split): "input-half \(splitGates[split])"
        case .previousState(let state): "state \(state)"
        case .parameter(let index): "parameter \(index)"
        case .layerInput: "input"
        case .constant(let value): "constant \(String(value.bitPattern, radix: 16))"
        case .unary(let function, _): function.rawValue
        case .binary(let binaryOperator, _, _): binaryOperator.rawValue
        case .power(_, let exponent): "power \(String(exponent.bitPattern, radix: 16))"
        // Of training alone; a cell's own formula has none.
        case .mask(let state): "mask \(state)"
        case .stateGradient(let state): "gradient \(state)"
        case .derivative(let function, _, _): "derivative-\(function.rawValue)"
        case .gradientOfGreater: "gradient-of-greater"
        }
    }
}
