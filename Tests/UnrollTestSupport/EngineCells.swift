import UnrollModel
import UnrollText

/// A leaky cell, whose output's gradient bypasses the gates.
package enum LeakyCell: RecurrentCell {
    package static let name = "leaky"
    package static let gates = ["u", "n"]
    package static let states = ["h"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let u = sigmoid(gates.u)
        return ["h": (1 - u) * previous.h + u * tanh(gates.n)]
    }
}

/// Nothing sensible, but every way of lowering: a gate seen raw and twice, an unused gate, constants on both sides,
/// one value for two states, states that change places, a state that is never used.
package enum OddCell: RecurrentCell {
    package static let name = "odd"
    package static let gates = ["a", "unused", "b"]
    package static let states = ["h", "p", "q", "twin"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let mixed = 0.5 * tanh(gates.a) - gates.b * previous.q + (previous.p - 0.25)
        let h = relu(mixed * 2 + gates.b) - sigmoid(gates.a) * previous.h * 0.1 + (0.3 - mixed) * 0.2
        return ["h": h, "p": previous.q * 0.5, "q": -previous.p + tanh(previous.q), "twin": h]
    }
}

/// A linear cell: the gate itself is the output.
package enum LinearCell: RecurrentCell {
    package static let name = "linear"
    package static let gates = ["z"]
    package static let states = ["h", "swap", "other"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": gates.z + previous.swap * 0.1, "swap": previous.other, "other": previous.swap]
    }
}

/// Nothing sensible, but every use of a gate's halves: both apart, one beside the whole, one alone, one in a function.
package enum SplitCell: RecurrentCell {
    package static let name = "split"
    package static let gates = ["whole", "apart", "mixed", "first", "second"]
    package static let states = ["h", "c"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let a = sigmoid(gates.whole) * gates.hidden.apart + gates.input.apart * previous.c
        let b = tanh(gates.mixed) * gates.hidden.mixed
        let c = tanh(gates.input.first) + sigmoid(gates.hidden.second) * 0.5
        return ["h": tanh(a + b) - c * 0.3, "c": c * 0.5 + gates.input.first * 0.1]
    }
}

/// Nothing sensible, but every function of the language, constants in every place, and two equal numbers to choose from.
package enum FunctionsCell: RecurrentCell {
    package static let name = "functions"
    package static let gates = ["a", "b", "c", "d"]
    package static let states = ["h", "s", "m"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let share = 0.3
        let positive = softplus(gates.a) + 0.1
        let ratio = gates.b / (2 + exp(-gates.c))
        let root = share * sqrt(positive) - log(positive) / 3
        var sum = silu(gates.d) + pow(positive, 1.5) * 0.1
        sum += min(root, 1)
        sum -= abs(previous.s) * 0.2 + tanh(CellExpression(share))
        sum *= 0.5
        sum /= 1 + share * sigmoid(gates.input.b)
        let twins = max(sum, -(-sum)) + min(ratio, -(-ratio))
        let m = max(0.8 * previous.m - softplus(-gates.d), min(-0.5, ratio))
        let damping = pow(1 + pow(previous.s, 2), -1) + 2 / pow(1 + exp(m), 0.5) - pow(sum, 3) * 0.01
        return [
            "h": (tanh(0.5 * twins) * damping + relu(gates.hidden.b) * 0.1) * 0.5,
            "s": max(ratio - 0.2, 0.5 * previous.s) * 0.6,
            "m": m,
        ]
    }
}

/// The LSTM with exponential gates and a stabilizer of the xLSTM (Beck et al., NeurIPS 2024), whose name is sLSTM.
package enum StabilizedCell: RecurrentCell {
    package static let name = "slstm"
    package static let gates = ["z", "i", "f", "o"]
    package static let states = ["h", "c", "n", "m"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let forget = previous.m - softplus(-gates.f)
        let m = max(forget, gates.i)
        let i = exp(gates.i - m)
        let f = exp(forget - m)
        let c = f * previous.c + i * tanh(gates.z)
        let n = f * previous.n + i
        return ["h": sigmoid(gates.o) * c / n, "c": c, "n": n, "m": m]
    }
}
