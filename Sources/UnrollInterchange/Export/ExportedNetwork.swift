import UnrollModel

// What the writers of all formats ask of a model.

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

extension ModelConfiguration {
    /// The cell's states by names that are identifiers in all languages; numbered if the cell has other names.
    var stateNames: [String] {
        let areIdentifiers = cell.states.allSatisfy { $0.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil }
        return areIdentifiers ? cell.states : cell.states.indices.map { "state\($0)" }
    }

    /// What share of each state's change happens when a model is used: all of it without zoneout.
    var expectedShares: [Float] {
        cell.states.indices.map { 1 - zoneout.probability(ofState: $0) }
    }
}

extension CellGraph {
    /// The nodes with numbers of their own for each text; constants and learned vectors have the same for all.
    var nodesOfTexts: Set<NodeID> {
        var found: Set<NodeID> = []
        for id in stepNodes {
            switch nodes[id] {
            case .gate, .gateInput, .previousState, .layerInput: found.insert(id)
            default: if !found.isDisjoint(with: nodes[id].operands) { found.insert(id) }
            }
        }
        return found
    }
}
