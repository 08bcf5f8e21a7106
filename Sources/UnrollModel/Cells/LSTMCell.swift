/// Long short-term memory, with PyTorch's gates in its order: `nn.LSTM`.
///
/// Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9, 1997, with the forget gate of Gers,
/// Schmidhuber, Cummins, 2000; Dive into Deep Learning, section 10.1.
public enum LSTMCell: RecurrentCell {
    /// The name in model folders and recipes.
    public static let name = "lstm"
    /// Input gate, forget gate, candidate, output gate.
    public static let gates = ["i", "f", "g", "o"]
    /// The output, and the memory that the gates guard.
    public static let states = ["h", "c"]

    /// Returns `c = sigmoid(f) c + sigmoid(i) tanh(g)` and `h = sigmoid(o) tanh(c)`.
    public static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let c = sigmoid(gates.f) * previous.c + sigmoid(gates.i) * tanh(gates.g)
        return ["h": sigmoid(gates.o) * tanh(c), "c": c]
    }
}
