/// A recurrent layer in PyTorch's layout, wherever it comes from.
struct ForeignLayer {
    /// A tensor of the file that a parameter was made of.
    struct Source {
        let name: String
        let shape: [Int]
        /// The name of the parameter without its layer, such as `weight_ih`.
        let parameter: String
        /// What was changed.
        let note: String?
    }

    /// What stands before the names of its tensors and of those of layers that belong to it.
    let prefix: String
    /// The number of the layer among those of the prefix.
    let index: Int
    /// The weights of the input, `[G H, I]`.
    let inputWeights: Matrix
    /// The weights of the previous state, `[G H, H]`.
    let hiddenWeights: Matrix
    /// The biases of the products, of `G H` numbers each; nil where the network has none.
    let inputBias: [Float]?
    let hiddenBias: [Float]?
    let sources: [Source]

    var hiddenSize: Int { hiddenWeights.columns }
    var inputSize: Int { inputWeights.columns }
    var gateCount: Int { hiddenWeights.rows / max(hiddenSize, 1) }

    /// The numbers of gates of known cells.
    static let gateCounts = [1, 3, 4]

    /// How many gates a matrix of this shape has, for H hidden units in `rows` or columns; nil if it has none of a cell.
    static func gateCount(gateSize: Int, hiddenSize: Int) -> Int? {
        guard hiddenSize > 0, gateSize.isMultiple(of: hiddenSize) else { return nil }
        let count = gateSize / hiddenSize
        return gateCounts.contains(count) ? count : nil
    }
}

/// The names and the layout of one framework.
protocol ForeignLayout: Sendable {
    static var framework: ForeignFramework { get }

    /// Whether a name is one that only recurrent layers of the framework have.
    static func isRecurrent(_ name: String) -> Bool

    /// Takes the tensors of all recurrent layers.
    ///
    /// - Throws: `ImportError` if a tensor is missing or of the wrong shape, or for a feature that no model has.
    static func takeLayers(from pool: inout TensorPool) throws(ImportError) -> [ForeignLayer]
}
