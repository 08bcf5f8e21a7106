import UnrollModel

/// A cell with every function of formulas, gates in halves, constants in every place, and a state of constants.
package enum EveryFunctionCell: RecurrentCell {
    package static let name = "every-function"
    package static let gates = ["a", "b", "c", "d"]
    package static let states = ["h", "s", "m", "fixed"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let share = 0.3
        let positive = softplus(gates.a) + 0.1
        let ratio = gates.b / (2 + exp(-gates.c))
        let root = share * sqrt(positive) - log(positive) / 3
        var sum = silu(gates.d) + pow(positive, 1.5) * 0.1 - (root - (ratio - previous.s))
        sum += min(root, 1) + max(-0.5, ratio) * (root * (positive / (1 + positive)))
        sum -= abs(previous.s) * 0.2 + tanh(CellExpression(share))
        sum /= 1 + share * sigmoid(gates.input.b)
        let m = max(0.8 * previous.m - softplus(-gates.d), min(-0.5, ratio))
        let damping = pow(1 + pow(previous.s, 2), -1) + 2 / pow(1 + exp(m), 0.5)
        return [
            "h": tanh(0.5 * sum) * damping + relu(gates.hidden.b) * 0.1 + previous.fixed,
            "s": max(ratio - 0.2, min(0.5 * previous.s, root)) * 0.6, "m": m, "fixed": 0.25,
        ]
    }
}

/// A residual LSTM with learned vectors, one of which is a state, whose names are words of Python.
package enum LearnedVectorsCell: RecurrentCell {
    package static let name = "learned-vectors"
    package static let gates = ["in", "not", "lambda", "or"]
    package static let states = ["class", "def", "is"]
    package static let parameters: LearnedVectors = ["share": 0.5, "start": -0.25, "while": 0.1]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let forget = sigmoid(gates.not + parameters.`while` * previous.def)
        let c =
            forget * previous.def
            + sigmoid(gates.in) * tanh(gates.hidden.lambda * previous.is + gates.input.lambda)
            + parameters.share * layerInput
        return ["class": sigmoid(gates.or) * tanh(c) + layerInput, "def": c, "is": parameters.start]
    }
}
