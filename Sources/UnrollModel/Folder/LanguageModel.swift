import Foundation
import Synchronization
import UnrollBase
import UnrollText

/// A trained model with everything that is needed to use it.
public struct LanguageModel: Sendable {
    /// What the model is made of.
    public let configuration: ModelConfiguration
    /// The tokens that go in and come out.
    public let vocabulary: Vocabulary
    /// The values of all weights and biases; of weights in eight bits, what these stand for.
    public let parameters: ModelParameters
    /// The number format of the weights.
    public let weightFormat: WeightFormat
    /// The n-gram model that predicts beside the network; nil for the network alone.
    public let ngrams: NGramModel?
    /// The moment of training that the parameters are of; nil where it is not known.
    package var moment: TrainingMoment?
    /// What was prepared from the model for its first use; copies share it.
    package private(set) var cache = ModelCacheSlot()

    /// Puts a model together.
    ///
    /// - Throws: `ModelError` if the parameters, or the n-gram model, are not those of such a model with such a vocabulary.
    public init(
        configuration: ModelConfiguration, vocabulary: Vocabulary, parameters: ModelParameters,
        ngrams: NGramModel? = nil
    ) throws {
        try self.init(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters, ngrams: ngrams,
            weightFormat: .float32)
    }

    /// Puts a model together whose weights are in this format already.
    init(
        configuration: ModelConfiguration, vocabulary: Vocabulary, parameters: ModelParameters,
        ngrams: NGramModel?, weightFormat: WeightFormat
    ) throws {
        guard configuration.ngrams?.order == ngrams?.order,
            ngrams.map({ $0.vocabularySize == vocabulary.count }) ?? true
        else { throw ModelError.otherNGrams(expected: configuration.ngrams?.order, actual: ngrams?.order) }
        let parameters = try parameters.mergingTiedWeights(of: configuration)
        let vocabularySize = try parameters.checkedVocabularySize(for: configuration)
        guard vocabularySize == vocabulary.count else {
            throw ModelError.shapeMismatch(
                name: "decoder.bias", expected: [vocabulary.count], actual: [vocabularySize])
        }
        self.configuration = configuration
        self.vocabulary = vocabulary
        self.parameters = parameters
        self.ngrams = ngrams
        self.weightFormat = weightFormat
    }

    /// The model without the n-gram model that predicts beside the network, if there is one.
    package var network: LanguageModel {
        get throws {
            guard ngrams != nil else { return self }
            var configuration = configuration
            configuration.ngrams = nil
            var network = try LanguageModel(
                configuration: configuration, vocabulary: vocabulary, parameters: parameters)
            network.moment = moment
            return network
        }
    }

    /// Reads a model from the folder that it was saved to.
    ///
    /// - Parameters:
    ///   - folder: A model folder. Its parameters may have been written by PyTorch.
    ///   - cells: The program's own cells, by whose names models may have been saved.
    /// - Throws: `FileError` if a file cannot be read, is damaged or has a newer format version; `ModelFolderError` if the
    ///   folder is not a model folder, its files belong to different models, or its cell is unknown or has another formula
    ///   than the model was saved with; `ModelError.cellNameTaken` if one of `cells` has the name of a built-in cell or of
    ///   another.
    public init(
        contentsOf folder: URL, cells: [any RecurrentCell.Type] = []
    ) throws {
        self = try ModelFolder(folder).model(cells: cells)
    }

    /// The SHA-256 digest of everything that decides what the model predicts, in 64 hexadecimal digits.
    ///
    /// Models with equal fingerprints give equal probabilities, wherever they were saved. A program's own cell counts by
    /// its formula, a built-in one by its name.
    public var fingerprint: String {
        get throws(ModelError) {
            let sorted = ModelParameters(parameters.entries.sorted { $0.name < $1.name })
            let tensors = try Safetensors.encode(sorted)
            let encoder = JSONEncoder.unroll
            let description: Data
            do {
                description =
                    try encoder.encode(ConfigurationDocument(self)) + (try vocabulary.jsonData())
            } catch {
                throw .invalidSafetensors("the model cannot be described (\(error))")
            }
            return Checksum.sha256(description + tensors + (ngrams?.data ?? Data()))
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

    /// The same model with a cache of its own, in place of the one that it shares with its copies.
    package func using(_ cache: some ModelCache) -> LanguageModel {
        var model = self
        model.cache = ModelCacheSlot(cache)
        return model
    }
}

/// What the targets that use models prepare from one of them, such as engines with its parameters packed.
///
/// It is declared where models are and conformed to where engines are. A model's values never change, so what is
/// prepared from them stays right.
package protocol ModelCache: AnyObject, Sendable {}

/// The place in a model for its cache, empty until the first use.
package final class ModelCacheSlot: Sendable {
    private let stored: Mutex<(any ModelCache)?>

    init(_ cache: (any ModelCache)? = nil) {
        stored = Mutex(cache)
    }

    /// The cache, made at the first call; one type of cache is all that a program has.
    package func value<Cache: ModelCache>(makingIfNeeded make: () -> Cache) -> Cache {
        stored.withLock { stored in
            if let cache = stored as? Cache { return cache }
            let cache = make()
            stored = cache
            return cache
        }
    }
}
