import UnrollModel

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
