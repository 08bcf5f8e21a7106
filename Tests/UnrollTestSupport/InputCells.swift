import UnrollModel

/// A recurrent highway: each unit passes on what its layer reads, as far as it does not change it.
package enum HighwayCell: RecurrentCell {
    package static let name = "highway"
    package static let gates = ["t", "z"]
    package static let states = ["h"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let t = sigmoid(gates.t)
        return ["h": t * tanh(gates.z) + (1 - t) * layerInput]
    }
}

/// An LSTM whose output has the layer's input added, and which reads it through a learned vector, too.
package enum ResidualCell: RecurrentCell {
    package static let name = "residual"
    package static let gates = ["i", "f", "g", "o"]
    package static let states = ["h", "c"]
    package static let parameters: LearnedVectors = ["share": 0.5]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let c =
            sigmoid(gates.f) * previous.c + sigmoid(gates.i) * tanh(gates.g + parameters.share * layerInput)
        return ["h": sigmoid(gates.o) * tanh(c) + layerInput, "c": c]
    }
}

/// A cell that passes on what its layer reads, and nothing else.
package enum PassingCell: RecurrentCell {
    package static let name = "passing"
    package static let gates = ["unused"]
    package static let states = ["h", "before"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": layerInput, "before": previous.h - layerInput]
    }
}
