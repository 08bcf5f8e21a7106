/// What can be wrong with a model: its cell, its sizes, its tensors or the file that they come from.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The cell of that name is not well-formed.
    case invalidCell(String, String)
    /// No cell has that name.
    case unknownCell(String, known: [String])
    /// No layer can have so many hidden units.
    case invalidHiddenSize(Int)
    /// No model can have so many layers.
    case invalidLayerCount(Int)
    /// No embedding can be of that size.
    case invalidEmbeddingSize(Int)
    /// Only an embedding of the layers' size can be the decoder's weights too.
    case untieableWeights(embeddingSize: Int?, hiddenSize: Int)
    /// No state can stay with that probability.
    case invalidZoneout(Float)
    /// The file holds two tensors for tied weights, and they differ.
    case differingTiedWeights
    /// The number of tokens that a model knows makes no sense.
    case invalidVocabularySize(Int)
    /// A tensor that the model needs is not there.
    case missingTensor(String)
    /// A tensor that the model does not have.
    case unexpectedTensor(String)
    /// Two tensors of one name.
    case duplicateTensor(String)
    /// A tensor is of the wrong shape.
    case shapeMismatch(name: String, expected: [Int], actual: [Int])
    /// The bytes are not a safetensors file.
    case invalidSafetensors(String)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .invalidCell(let name, let reason):
            "the cell '\(name)' is not well-formed: \(reason)"
        case .unknownCell(let name, let known):
            "there is no cell '\(name)'; known cells: \(known.joined(separator: ", "))"
        case .invalidVocabularySize(let size):
            "the vocabulary size is \(size) but must be between 1 and \(Int32.max)"
        case .invalidHiddenSize(let size):
            "the hidden size \(size) is not within \(ModelConfiguration.hiddenSizes)"
        case .invalidLayerCount(let count):
            "the number of layers (--layers) is \(count) but must be within \(ModelConfiguration.layerCounts)"
        case .invalidEmbeddingSize(let size):
            "the embedding size (--embedding) is \(size) but must be within \(ModelConfiguration.embeddingSizes)"
        case .untieableWeights(let embeddingSize, let hiddenSize):
            "tied weights (--tie-weights) need an embedding of the layers' size: --embedding \(hiddenSize), not "
                + (embeddingSize.map { "\($0)" } ?? "one-hot")
        case .invalidZoneout(let probability):
            "the probability of zoneout (--zoneout) is \(probability) but must be at least 0 and below 1"
        case .differingTiedWeights:
            "'embedding.weight' and 'decoder.weight' differ, but this model ties them; keep the right one of them"
        case .missingTensor(let name):
            "the tensor '\(name)' is missing; the model needs PyTorch's names, as in 'rnn.weight_hh_l0'"
        case .unexpectedTensor(let name):
            "the tensor '\(name)' does not belong to a model of this configuration"
        case .duplicateTensor(let name):
            "there are two tensors of the name '\(name)'; keep one of them"
        case .shapeMismatch(let name, let expected, let actual):
            "the tensor '\(name)' has the shape \(actual), where the model needs \(expected)"
        case .invalidSafetensors(let reason):
            "not a whole safetensors file: \(reason)"
        }
    }
}
