/// What the matrix products of an engine multiply; they add up in float32.
public enum Precision: String, Sendable, Codable, CaseIterable {
    /// Single precision throughout.
    case float32
    /// Numbers of 8 significant bits, half as large, whose products some processors compute twice as fast.
    ///
    /// Parameters, states, losses and updates stay float32; only the operands of matrix products are rounded.
    case bfloat16
}
