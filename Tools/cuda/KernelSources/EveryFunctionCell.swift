import UnrollModel

/// Nothing sensible, but every function that a formula may use, and learned vectors, so that each is compiled.
enum EveryFunctionCell: RecurrentCell {
    static let name = "every-function"
    static let gates = ["a", "b"]
    static let states = ["h", "m"]
    static let parameters: LearnedVectors = ["scale": 1, "shift": 0]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let positive = softplus(gates.a) + pow(abs(previous.m), 1.5) + 0.5
        let ratio = silu(gates.input.b) / sqrt(positive) - log(positive)
        let m = max(min(ratio, 2), 0.5 * previous.m) + relu(gates.hidden.b)
        return [
            "h": tanh(parameters.scale * ratio) * sigmoid(gates.a + parameters.shift) * exp(-m) + 0.1
                * layerInput, "m": m,
        ]
    }
}
