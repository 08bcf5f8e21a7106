import UnrollModel

/// Nothing sensible, but every function that a formula may use, so that each is compiled.
enum EveryFunctionCell: RecurrentCell {
    static let name = "every-function"
    static let gates = ["a", "b"]
    static let states = ["h", "m"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let positive = softplus(gates.a) + pow(abs(previous.m), 1.5) + 0.5
        let ratio = silu(gates.input.b) / sqrt(positive) - log(positive)
        let m = max(min(ratio, 2), 0.5 * previous.m) + relu(gates.hidden.b)
        return ["h": tanh(ratio) * sigmoid(gates.a) * exp(-m), "m": m]
    }
}
