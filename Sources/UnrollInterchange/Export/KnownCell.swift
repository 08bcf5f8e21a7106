import UnrollModel

/// A cell that ONNX and PyTorch have as a layer of their own.
///
/// With zoneout a cell has a formula that they do not know.
enum KnownCell {
    case tanh
    case relu
    case lstm
    case gru

    /// The known cell of a model; nil if its layers are written as formulas.
    init?(_ configuration: ModelConfiguration) {
        guard configuration.zonedStates.isEmpty else { return nil }
        switch configuration.cell {
        case is TanhCell.Type: self = .tanh
        case is ReLUCell.Type: self = .relu
        case is LSTMCell.Type: self = .lstm
        case is GRUCell.Type: self = .gru
        default: return nil
        }
    }
}
