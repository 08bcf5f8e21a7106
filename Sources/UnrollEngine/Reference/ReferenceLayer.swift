import UnrollModel

/// The parameters of one recurrent layer in double precision, or their gradients.
struct ReferenceLayer {
    /// Laid out as `[G H, I]`, where `I` is the size of the layer's input.
    var input: [Double]
    /// Laid out as `[G H, H]`.
    var hidden: [Double]
    /// Laid out as `[G H]`.
    var inputBias: [Double]
    /// Laid out as `[G H]`.
    var hiddenBias: [Double]

    /// What a layer reads in one step.
    enum Input {
        /// A one-hot vector: what it is multiplied with is a column of the weights.
        case token(Int)
        /// An embedding or the output of the layer below.
        case vector([Double])
    }

    /// One step of one sequence, with everything that the backward pass needs.
    struct Step {
        let input: Input
        /// Each state before the step, `[H]`.
        let previous: [[Double]]
        /// For each unit, the values of all nodes of the cell's graph.
        let nodes: [[Double]]
        /// Each state after the step, `[H]`.
        let states: [[Double]]
    }

    /// Reads one input; `masks` has for each state what share of each unit's change happens, `[H]`.
    func forward(
        _ input: Input, after previous: [[Double]], cell: CellGraph, masks: [[Double]]
    ) -> Step {
        let H = previous[0].count
        let inputHalves = product(of: self.input, with: input, plus: inputBias)
        let hiddenHalves = product(of: hidden, with: .vector(previous[0]), plus: hiddenBias)
        let nodes = (0..<H).map { j in
            cell.forwardValues(
                gates: (0..<cell.gateCount).map { gate in
                    let unit = gate * H + j
                    return hiddenHalves[unit] + (cell.splitGates.contains(gate) ? 0 : inputHalves[unit])
                },
                gateInputs: cell.splitGates.map { inputHalves[$0 * H + j] },
                states: previous.map { $0[j] }, masks: masks.map { $0[j] })
        }
        return Step(
            input: input, previous: previous, nodes: nodes,
            states: cell.newStates.map { node in nodes.map { $0[node] } })
    }

    /// Goes back through one step and adds what the parameters had to do with it to `gradients`.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - stateGradients: The gradient of each state after it, `[H]`.
    ///   - cell: The cell's formula and its derivative.
    ///   - gradients: The gradients of this layer's parameters.
    /// - Returns: The gradients of the input, none if it is a token, and of each state before the step.
    func backward(
        _ step: Step, stateGradients: [[Double]], cell: CellGraph, into gradients: inout ReferenceLayer
    ) -> (input: [Double], previous: [[Double]]) {
        let H = step.previous[0].count
        // The gradients of the gates' halves, `[G H]`.
        var inputHalves = [Double](repeating: 0, count: cell.gateCount * H)
        var hiddenHalves = inputHalves
        var previous = step.previous
        for j in 0..<H {
            let (gates, gateInputs, states) = cell.gradients(
                forwardValues: step.nodes[j], stateGradients: stateGradients.map { $0[j] })
            for gate in gates.indices {
                hiddenHalves[gate * H + j] = gates[gate]
                inputHalves[gate * H + j] = gates[gate]
            }
            for (gate, gradient) in zip(cell.splitGates, gateInputs) { inputHalves[gate * H + j] = gradient }
            for state in states.indices { previous[state][j] = states[state] }
        }
        for unit in inputHalves.indices {
            gradients.inputBias[unit] += inputHalves[unit]
            gradients.hiddenBias[unit] += hiddenHalves[unit]
        }
        let inputGradient = productGradient(
            inputHalves, weights: input, factor: step.input, into: &gradients.input)
        let outputGradient = productGradient(
            hiddenHalves, weights: hidden, factor: .vector(step.previous[0]), into: &gradients.hidden)
        for j in 0..<H { previous[0][j] += outputGradient[j] }
        return (inputGradient, previous)
    }

    /// `weights · factor + bias`, where `weights` has as many rows as `bias` has elements.
    private func product(of weights: [Double], with factor: Input, plus bias: [Double]) -> [Double] {
        let columns = weights.count / bias.count
        return bias.indices.map { row in
            switch factor {
            case .token(let token): return bias[row] + weights[row * columns + token]
            case .vector(let values):
                var sum = bias[row]
                for column in 0..<columns { sum += weights[row * columns + column] * values[column] }
                return sum
            }
        }
    }

    /// Adds the gradient of `weights` to `weightGradients`, given that of the product; returns that of `factor`.
    private func productGradient(
        _ gradient: [Double], weights: [Double], factor: Input, into weightGradients: inout [Double]
    ) -> [Double] {
        let columns = weights.count / gradient.count
        switch factor {
        case .token(let token):
            for row in gradient.indices { weightGradients[row * columns + token] += gradient[row] }
            return []
        case .vector(let values):
            var factorGradient = [Double](repeating: 0, count: columns)
            for row in gradient.indices {
                for column in 0..<columns {
                    weightGradients[row * columns + column] += gradient[row] * values[column]
                    factorGradient[column] += gradient[row] * weights[row * columns + column]
                }
            }
            return factorGradient
        }
    }
}
