/// The Elman cell with a rectifier: `h = max(z, 0)`, PyTorch's `nn.RNN(nonlinearity="relu")`.
public enum ReLUCell: RecurrentCell {
    /// The name in model folders and recipes.
    public static let name = "relu"
    /// One gate, the cell's only affine part.
    public static let gates = ["z"]
    /// One state, the output.
    public static let states = ["h"]

    /// Returns `h = max(z, 0)`.
    public static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": relu(gates.z)]
    }
}
