import Foundation
import UnrollBase
import UnrollModel
import UnrollText

/// What became of one tensor of a file of another framework.
public struct ImportedTensor: Sendable, Equatable {
    /// Its name in the file.
    public let source: String
    /// Its shape in the file; nil where it was not used.
    public let shape: [Int]?
    /// The parameter of the model that it became, or two joined by "and"; nil where it was not used.
    public let parameter: String?
    /// What was done to it, or why it was not used; nil if it was taken as it is.
    public let note: String?

    init(source: String, shape: [Int]?, parameter: String?, note: String?) {
        (self.source, self.shape, self.parameter, self.note) = (source, shape, parameter, note)
    }
}

/// A model made of a network that PyTorch, Keras, Flax or MLX has trained.
///
/// The network consists of an embedding, if tokens are not one-hot, of recurrent layers of one size and of a linear decoder,
/// and its file is safetensors or what `torch.save` writes of a `state_dict`. The framework, the cell and the parts are
/// found by the tensors' names and shapes. The model gives the network's logits for each of its tokens.
public struct ImportedModel: Sendable {
    /// The model.
    public let model: LanguageModel
    /// The framework by whose names the tensors are called.
    public let framework: ForeignFramework
    /// What became of each tensor.
    public let tensors: [ImportedTensor]
    /// Whether the network has a token for what it does not know; `<unk>` is otherwise added, and never predicted.
    public let hasUnknownToken: Bool

    /// Imports a file.
    ///
    /// - Parameters:
    ///   - file: A safetensors file, or one that `torch.save` has written.
    ///   - vocabulary: What the network's ids stand for. Default: the tokens that a checkpoint of PyTorch holds beside the
    ///     parameters.
    ///   - cell: The cell of the layers, where their tensors do not say it: those of one gate are of `TanhCell` or `ReLUCell`.
    ///     Default: the one that the number of gates says.
    ///   - names: The names of parts in the file, where there are several that fit; for an embedding, "none" says that there
    ///     is none. Default: none.
    /// - Throws: `ImportError`; `FileError` if a file cannot be read or is damaged; `ModelError` or `ParameterError` for a
    ///   network that is too large; `TextError` for a text that cannot be read.
    public init(
        contentsOf file: URL, vocabulary: ImportedVocabulary? = nil, cell: (any RecurrentCell.Type)? = nil,
        names: [ImportedPart: String] = [:]
    ) throws {
        try self.init(
            ForeignTensors(contentsOf: file, state: names[.state]), vocabulary: vocabulary, cell: cell,
            names: names)
    }

    init(
        _ tensors: ForeignTensors, vocabulary: ImportedVocabulary?, cell: (any RecurrentCell.Type)?,
        names: [ImportedPart: String]
    ) throws {
        let network = try ForeignNetwork(tensors, names: names)
        let configuration = network.configuration(cell: try network.cell(named: cell))
        try configuration.check()
        let size = network.vocabularySize
        let numbering: TokenNumbering
        if let vocabulary {
            numbering = try vocabulary.numbering(size: size)
        } else {
            let fitting = Set(tensors.vocabularies.filter { $0.count == size })
            guard let tokens = fitting.first, fitting.count == 1 else {
                throw ImportError.noVocabulary(size: size)
            }
            numbering = try TokenNumbering(tokens)
        }
        model = try LanguageModel(
            configuration: configuration, vocabulary: numbering.vocabulary,
            parameters: network.parameters(configuration, rows: numbering.rows))
        framework = network.framework
        self.tensors = network.mapping
        hasUnknownToken = numbering.rows.first != .some(nil)
    }
}
