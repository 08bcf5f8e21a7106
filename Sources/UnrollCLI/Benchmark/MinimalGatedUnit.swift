import Unroll

/// One gate decides both what to forget and what to take in (Zhou et al., "Minimal gated unit", 2016).
///
/// Stands for the cells that people define themselves: nothing in the library is made for it.
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
