import UnrollModel

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
