/// The Elman cell with a hyperbolic tangent: `h = tanh(z)`, PyTorch's `nn.RNN`.
///
/// Elman, "Finding structure in time", Cognitive Science 14, 1990; Dive into Deep Learning, section 8.4.
public enum TanhCell: RecurrentCell {
    /// The name in model folders and recipes.
    public static let name = "tanh"
    /// One gate, the cell's only affine part.
    public static let gates = ["z"]
    /// One state, the output.
    public static let states = ["h"]

    /// Returns `h = tanh(z)`.
    public static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        ["h": tanh(gates.z)]
    }
}
