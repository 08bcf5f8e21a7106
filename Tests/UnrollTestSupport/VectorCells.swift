import UnrollModel

/// The LSTM of Gers and Schmidhuber (2000), whose gates see each unit's memory through weights of their own.
package enum PeepholeCell: RecurrentCell {
    package static let name = "peepholes"
    package static let gates = ["i", "f", "g", "o"]
    package static let states = ["h", "c"]
    package static let parameters: LearnedVectors = [
        "input_peephole": 0, "forget_peephole": 0, "output_peephole": 0,
    ]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let i = sigmoid(gates.i + parameters.input_peephole * previous.c)
        let f = sigmoid(gates.f + parameters.forget_peephole * previous.c)
        let c = f * previous.c + i * tanh(gates.g)
        return ["h": sigmoid(gates.o + parameters.output_peephole * c) * tanh(c), "c": c]
    }
}

/// A leaky cell each of whose units learns its rate.
package enum LearnedLeakCell: RecurrentCell {
    package static let name = "learned-leak"
    package static let gates = ["z"]
    package static let states = ["h"]
    package static let parameters: LearnedVectors = ["leak": 0]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let leak = sigmoid(parameters.leak)
        return ["h": (1 - leak) * previous.h + leak * tanh(gates.z)]
    }
}

/// Nothing sensible, but learned vectors in every place: as a new state twice, beside constants, in a product that is
/// merged, added to a gate and to a state, so that its gradient is theirs, in halves of a gate, and not at all.
package enum VectorsCell: RecurrentCell {
    package static let name = "vectors"
    package static let gates = ["a", "b"]
    package static let states = ["h", "kept", "twin", "sum"]
    package static let parameters: LearnedVectors = [
        "scale": 0.5, "idle": 3, "shift": 0.1, "start": -0.25, "rest": 0.2,
    ]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let a = tanh(gates.a + parameters.shift)
        let b = gates.hidden.b * (1 - parameters.scale) + gates.input.b * parameters.scale
        let mixed = a * parameters.scale + 0.5 * previous.kept * sigmoid(b)
        return [
            "h": 0.6 * mixed + 0.1 * previous.sum - parameters.rest * previous.twin,
            "kept": parameters.start, "twin": parameters.start,
            "sum": parameters.rest + 0.3 * tanh(previous.sum) + a * 0.2,
        ]
    }
}

/// A cell that would need no program were it not for its learned vector, whose gradient is the gate's.
package enum ShiftedCell: RecurrentCell {
    package static let name = "shifted"
    package static let gates = ["z"]
    package static let states = ["h"]
    package static let parameters: LearnedVectors = ["shift": 0.25]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": tanh(gates.z + parameters.shift)]
    }
}

/// A cell that needs no program and has a learned vector that it does not use.
package enum IdleVectorCell: RecurrentCell {
    package static let name = "idle-vector"
    package static let gates = ["z"]
    package static let states = ["h"]
    package static let parameters: LearnedVectors = ["idle": 0.5]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": tanh(gates.z)]
    }
}

/// A cell with a learned vector that is a new state, and is used for nothing else.
package enum VectorStateCell: RecurrentCell {
    package static let name = "vector-state"
    package static let gates = ["z"]
    package static let states = ["h", "kept"]
    package static let parameters: LearnedVectors = ["start": -0.25]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": tanh(gates.z + previous.kept), "kept": parameters.start]
    }
}
