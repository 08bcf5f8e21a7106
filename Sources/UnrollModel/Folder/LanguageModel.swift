import Foundation
import UnrollBase
import UnrollText

/// A trained model with everything that is needed to use it.
public struct LanguageModel: Sendable {
    /// What the model is made of.
    public let configuration: ModelConfiguration
    /// The tokens that go in and come out.
    public let vocabulary: Vocabulary
    /// The values of all weights and biases.
    public let parameters: ModelParameters
    /// What was made from the model when it was used, so that the next use begins at once; copies share it.
    package let preparations: Preparations

    /// Puts a model together.
    ///
    /// - Throws: `ModelError` if the parameters are not those of such a model with such a vocabulary.
    public init(
        configuration: ModelConfiguration, vocabulary: Vocabulary, parameters: ModelParameters
    ) throws(ModelError) {
        let parameters = try parameters.mergingTiedWeights(of: configuration)
        let vocabularySize = try parameters.checkedVocabularySize(for: configuration)
        guard vocabularySize == vocabulary.count else {
            throw .shapeMismatch(
                name: "decoder.bias", expected: [vocabulary.count], actual: [vocabularySize])
        }
        self.configuration = configuration
        self.vocabulary = vocabulary
        self.parameters = parameters
        preparations = Preparations()
    }

    /// Reads a model from the folder that it was saved to.
    ///
    /// - Parameters:
    ///   - folder: A model folder. Its parameters may have been written by PyTorch.
    ///   - cells: The program's own cells, by whose names models may have been saved.
    /// - Throws: `FileError` if a file cannot be read, is damaged or has a newer format version; `ModelFolderError` if the
    ///   folder is not a model folder, its files belong to different models, or its cell is unknown.
    public init(
        contentsOf folder: URL, cells: [any RecurrentCell.Type] = []
    ) throws {
        self = try ModelFolder(folder).model(cells: cells)
    }

    /// The SHA-256 digest of everything that decides what the model predicts, in 64 hexadecimal digits.
    ///
    /// Models with equal fingerprints give equal probabilities, wherever they were saved.
    public var fingerprint: String {
        get throws(ModelError) {
            let sorted = ModelParameters(parameters.entries.sorted { $0.name < $1.name })
            let tensors = try Safetensors.encode(sorted)
            let encoder = JSONEncoder.unroll
            let description: Data
            do {
                description =
                    try encoder.encode(ConfigurationDocument(configuration)) + (try vocabulary.jsonData())
            } catch {
                throw .invalidSafetensors("the model cannot be described (\(error))")
            }
            return Checksum.sha256(description + tensors)
        }
    }

    /// Saves the model to a folder that is new or empty, or over an earlier state of the same model.
    ///
    /// Whenever the program is interrupted, the folder holds the earlier state or this one, whole.
    ///
    /// - Throws: `ModelFolderError.holdsAnotherModel` or `.notAFolder`; `FileError` if the folder cannot be written.
    public func save(to folder: URL) throws {
        try ModelFolder(folder).save(self)
    }
}
