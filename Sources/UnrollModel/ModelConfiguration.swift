/// What a language model is made of, apart from its vocabulary and the values of its parameters.
///
/// One-hot tokens go into a recurrent layer, and a linear decoder turns its output into a logit for every token.
public struct ModelConfiguration: Sendable {
    /// The formula of one recurrent step.
    public var cell: any RecurrentCell.Type
    /// Hidden units, `H`.
    public var hiddenSize: Int

    /// Describes a model of one recurrent layer.
    public init(cell: any RecurrentCell.Type = TanhCell.self, hiddenSize: Int = 512) {
        self.cell = cell
        self.hiddenSize = hiddenSize
    }

    /// The cells that `--cell` and model folders know by name.
    public static let builtInCells: [any RecurrentCell.Type] = [
        TanhCell.self, ReLUCell.self, LSTMCell.self, GRUCell.self,
    ]

    /// How many hidden units a layer may have; one more and the recurrent weights alone would be past 17 gigabytes.
    public static let hiddenSizes = 1...65_536

    /// Checks that the cell is well-formed and the sizes are such that shapes can be computed.
    package func check() throws(ModelError) {
        _ = try CellGraph(of: cell)
        guard Self.hiddenSizes.contains(hiddenSize) else { throw .invalidHiddenSize(hiddenSize) }
    }

    /// Names and shapes of all parameters for a vocabulary of `vocabularySize` tokens, as PyTorch has them.
    public func parameterShapes(vocabularySize: Int) -> [(name: String, shape: [Int])] {
        // A product that overflows belongs to a size that `check()` refuses.
        let gateRows = cell.gates.count.multipliedReportingOverflow(by: hiddenSize).partialValue
        return [
            ("rnn.weight_ih_l0", [gateRows, vocabularySize]),
            ("rnn.weight_hh_l0", [gateRows, hiddenSize]),
            ("rnn.bias_ih_l0", [gateRows]),
            ("rnn.bias_hh_l0", [gateRows]),
            ("decoder.weight", [vocabularySize, hiddenSize]),
            ("decoder.bias", [vocabularySize]),
        ]
    }
}
