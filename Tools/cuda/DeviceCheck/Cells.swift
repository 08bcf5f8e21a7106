import UnrollModel

/// One gate decides both what to forget and what to take in (Zhou et al., "Minimal gated unit", 2016): both halves of a
/// gate, apart.
enum MinimalGatedUnit: RecurrentCell {
    static let name = "minimal-gated-unit"
    static let gates = ["f", "n"]
    static let states = ["h"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let f = sigmoid(gates.f)
        let n = tanh(gates.input.n + f * gates.hidden.n)
        return ["h": previous.h + f * (n - previous.h)]
    }
}

/// Three states, two of which change places, and a gate of which one half only is used.
enum ThreeStatesCell: RecurrentCell {
    static let name = "three-states"
    static let gates = ["a", "b"]
    static let states = ["h", "fast", "slow"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let fast = 0.5 * previous.slow + 0.5 * tanh(gates.a)
        let slow = 0.9 * previous.fast + 0.1 * gates.input.b
        return ["h": tanh(fast + slow) * sigmoid(gates.a), "fast": fast, "slow": slow]
    }
}

/// Learned vectors: the LSTM of Gers and Schmidhuber (2000), whose gates see each unit's memory through weights of their
/// own.
enum PeepholeCell: RecurrentCell {
    static let name = "peepholes"
    static let gates = ["i", "f", "g", "o"]
    static let states = ["h", "c"]
    static let parameters: LearnedVectors = [
        "input_peephole": 0.5, "forget_peephole": -0.25, "output_peephole": 0.3,
    ]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let i = sigmoid(gates.i + parameters.input_peephole * previous.c)
        let f = sigmoid(gates.f + parameters.forget_peephole * previous.c)
        let c = f * previous.c + i * tanh(gates.g)
        return ["h": sigmoid(gates.o + parameters.output_peephole * c) * tanh(c), "c": c]
    }
}

/// Many operations: a tower of functions, with every operation and constants on both sides.
enum ManyOperationsCell: RecurrentCell {
    static let name = "many-operations"
    static let gates = ["u", "v", "w"]
    static let states = ["h", "c"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        var x = tanh(gates.u)
        for layer in 0..<4 {
            let y = sigmoid(0.3 - x * gates.v) * 0.5 + tanh(previous.c - x) * 0.25
            x = layer.isMultiple(of: 2) ? tanh(x + y) : 1 - sigmoid(-y + x * 2)
        }
        let c = sigmoid(gates.w) * previous.c + (1 - sigmoid(gates.w)) * x
        return ["h": 0.8 * tanh(c + x) - 0.1 * previous.h, "c": c]
    }
}
