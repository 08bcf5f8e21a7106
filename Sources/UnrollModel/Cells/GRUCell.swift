/// Gated recurrent units in PyTorch's form, which resets the product of the state, not the state: `nn.GRU`.
///
/// Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
/// EMNLP 2014, whose form resets the state before the product, as does Dive into Deep Learning, section 10.2. A model
/// trained in one form makes no sense in the other.
public enum GRUCell: RecurrentCell {
    /// The name in model folders and recipes.
    public static let name = "gru"
    /// Reset gate, update gate, candidate.
    public static let gates = ["r", "z", "n"]
    /// One state, the output.
    public static let states = ["h"]

    /// Returns `h = (1 - z) n + z h`, where the candidate `n` sees as much of the old state as the reset gate lets by.
    public static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let z = sigmoid(gates.z)
        let n = tanh(gates.input.n + sigmoid(gates.r) * gates.hidden.n)
        return ["h": (1 - z) * n + z * previous.h]
    }
}
