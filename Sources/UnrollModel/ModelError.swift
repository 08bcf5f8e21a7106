import Foundation
import UnrollBase

/// What is wrong with a model: its cell, its tensors, or the safetensors file they come from.
///
/// Sizes and probabilities out of range are a ``ParameterError``.
public enum ModelError: UnrollError, Equatable {
    /// The cell of this name is not well-formed.
    case invalidCell(String, String)
    /// The formula of the cell of this name reads the layer's own input, which has as many numbers as the layer has units in
    /// every layer only if tokens have vectors of that size.
    case inputOfAnotherSize(cell: String, hiddenSize: Int, embeddingSize: Int?)
    /// No cell has this name.
    case unknownCell(String, known: [String])
    /// A program's own cell has the name of a built-in cell, or of another that was passed with it.
    case cellNameTaken(String, isBuiltIn: Bool)
    /// The cell of this name has another formula than the one that the model was saved with; both by their digests.
    case otherFormula(cell: String, saved: String, own: String)
    /// The file holds both tensors of tied weights, and they differ.
    case differingTiedWeights
    /// A tensor of the model is missing.
    case missingTensor(String)
    /// A tensor does not belong to the model.
    case unexpectedTensor(String)
    /// Two tensors have this name.
    case duplicateTensor(String)
    /// A tensor that is to be quantized has numbers that are not finite.
    case nonFinite(String)
    /// A tensor has the wrong shape.
    case shapeMismatch(name: String, expected: [Int], actual: [Int])
    /// The n-gram model is of another order or vocabulary than the configuration's, is missing, or is there without being asked
    /// for; both by their orders.
    case otherNGrams(expected: Int?, actual: Int?)
    /// The bytes are not a safetensors file.
    case invalidSafetensors(String)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .invalidCell(let name, let reason):
            "the cell '\(name)' is not well-formed: \(reason)"
        case .inputOfAnotherSize(let name, let hiddenSize, let embeddingSize):
            "the cell '\(name)' reads its layer's input unit by unit, but the first of its layers, of \(hiddenSize) units, reads "
                + (embeddingSize.map { "vectors of \($0) numbers" } ?? "one-hot vectors")
                + "; give tokens an embedding of size \(hiddenSize)"
        case .unknownCell(let name, let known):
            "there is no cell '\(name)'; known cells: \(known.joined(separator: ", "))"
        case .cellNameTaken(let name, let isBuiltIn):
            (isBuiltIn
                ? "a cell of this program has the name of the built-in cell '\(name)'"
                : "two cells of this program have the name '\(name)'")
                + "; models find a cell by its name: give it another"
        case .otherFormula(let name, let saved, let own):
            "the model was made with another formula of the cell '\(name)' (SHA-256 \(saved.prefix(12))…) than this "
                + "program's (\(own.prefix(12))…); pass the cell that it was trained with, or train again under another name"
        case .differingTiedWeights:
            "'embedding.weight' and 'decoder.weight' differ, but this model ties them; keep the right one of them"
        case .missingTensor(let name):
            "the tensor '\(name)' is missing; the model needs PyTorch's names, as in 'rnn.weight_hh_l0'"
        case .unexpectedTensor(let name):
            "the tensor '\(name)' does not belong to a model of this configuration"
        case .duplicateTensor(let name):
            "there are two tensors of the name '\(name)'; keep one of them"
        case .nonFinite(let name):
            "the tensor '\(name)' has numbers that are not finite, which int8 has no place for; restore the model from a "
                + "copy or train it again"
        case .shapeMismatch(let name, let expected, let actual):
            "the tensor '\(name)' has the shape \(actual), where the model needs \(expected)"
        case .otherNGrams(nil, _):
            "there is an n-gram model, and none in the model's configuration; leave it out"
        case .otherNGrams(let expected?, let actual):
            "the model needs an n-gram model of order \(expected) for its vocabulary, but "
                + (actual.map { "the one that is given has order \($0) or another vocabulary" }
                    ?? "there is none")
        case .invalidSafetensors(let reason):
            "not a whole safetensors file: \(reason)"
        }
    }
}
