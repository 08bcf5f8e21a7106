import Foundation
import UnrollBase
import UnrollText

extension ModelFolder {
    /// Reads the model that the folder holds.
    package func model(cells: [any RecurrentCell.Type] = []) throws -> LanguageModel {
        try check()
        guard let configurationData = try contents(of: Self.configurationName) else {
            throw ModelFolderError.notAModelFolder(path: url.path)
        }
        let configurationPath = url(of: Self.configurationName).path
        let document = try ConfigurationDocument(
            jsonData: configurationData, cells: cells, path: configurationPath)
        let configuration = document.configuration

        guard let vocabularyData = try contents(of: Self.vocabularyName) else {
            throw ModelFolderError.fileMissing(path: url(of: Self.vocabularyName).path)
        }
        let vocabulary = try vocabulary(jsonData: vocabularyData)

        let ngramsData = try configuration.ngrams.map { _ in try contentsOfNGrams() }
        let parametersPath = url(of: Self.parametersName).path
        guard let parametersData = try contents(of: Self.parametersName) else {
            throw ModelFolderError.parametersMissing(path: parametersPath)
        }
        let (parameters, metadata) = try parameters(
            in: parametersData, format: document.weightFormat, path: parametersPath)
        try checkSeal(
            metadata, configuration: configurationData, vocabulary: vocabularyData, ngrams: ngramsData)
        let moment = try Seal.moment(in: metadata, path: parametersPath)
        let ngrams = try ngramsData.map {
            try NGramModel($0, path: url(of: Self.ngramsName).path)
        }
        do {
            var model = try LanguageModel(
                configuration: configuration, vocabulary: vocabulary, parameters: parameters, ngrams: ngrams,
                weightFormat: document.weightFormat)
            model.moment = moment
            return model
        } catch {
            throw ModelFolderError.parametersDoNotFit(path: parametersPath, reason: "\(error)")
        }
    }

    private func parameters(
        in data: Data, format: WeightFormat, path: String
    ) throws -> (ModelParameters, [String: String]) {
        switch format {
        case .float32:
            return try TensorFile.decode(data, path: path)
        case .int8:
            let (quantized, metadata) = try TensorFile.decodeQuantized(data, path: path)
            return (quantized.parameters, metadata)
        }
    }

    private func contentsOfNGrams() throws -> Data {
        guard let data = try contents(of: Self.ngramsName) else {
            throw ModelFolderError.fileMissing(path: url(of: Self.ngramsName).path)
        }
        return data
    }

    /// Reads what the folder's model is made of.
    package func configuration(cells: [any RecurrentCell.Type] = []) throws -> ModelConfiguration {
        try check()
        guard let data = try contents(of: Self.configurationName) else {
            throw ModelFolderError.notAModelFolder(path: url.path)
        }
        return try ConfigurationDocument(
            jsonData: data, cells: cells, path: url(of: Self.configurationName).path
        ).configuration
    }

    /// The moment of training that the model of the folder is of; nil if it does not say, or there is no whole model.
    ///
    /// The parameters themselves are not read.
    package var moment: TrainingMoment? {
        metadata.flatMap { try? Seal.moment(in: $0, path: url.path) }
    }

    /// Whether the folder has the files of a model, and the parameters are of the right length.
    package var holdsModel: Bool { metadata != nil }

    /// The metadata of the parameters of a whole model.
    private var metadata: [String: String]? {
        guard names.allSatisfy({ FileSystem.kind(of: url(of: $0)) == .file }) else { return nil }
        return try? TensorFile.metadata(of: url(of: Self.parametersName))
    }

    /// Checks that there is a folder.
    package func check() throws {
        switch FileSystem.kind(of: url) {
        case .nothing: throw FileError.notFound(path: url.path)
        case .file: throw ModelFolderError.notAFolder(path: url.path)
        case .folder: break
        }
    }

    private func vocabulary(jsonData: Data) throws -> Vocabulary {
        let path = url(of: Self.vocabularyName).path
        do {
            return try Vocabulary(jsonData: jsonData)
        } catch {
            switch error {
            case .unsupportedVocabularyVersion(let found, let supported) where found > supported:
                throw FileError.newerVersion(path: path, version: found)
            case .invalidVocabulary(let reason):
                throw FileError.invalid(path: path, reason: reason)
            default:
                throw FileError.invalid(path: path, reason: "not a vocabulary that Unroll has written")
            }
        }
    }

    /// Checks that the parameters were saved with the files beside them.
    private func checkSeal(
        _ metadata: [String: String], configuration: Data, vocabulary: Data, ngrams: Data?
    ) throws {
        // A file without any part of a seal comes from elsewhere, from PyTorch for one.
        let isSealed =
            metadata[Seal.formatKey] == ConfigurationDocument.format
            || [Seal.configurationKey, Seal.vocabularyKey, TensorFile.checksumKey]
                .contains { metadata[$0] != nil }
        guard isSealed else { return }
        guard metadata[TensorFile.checksumKey] != nil,
            metadata[Seal.formatKey] == ConfigurationDocument.format
        else {
            throw FileError.invalid(
                path: url(of: Self.parametersName).path, reason: "its metadata has been changed")
        }
        let expected = Seal.metadata(configuration: configuration, vocabulary: vocabulary, ngrams: ngrams)
        for (key, name) in [
            (Seal.configurationKey, Self.configurationName), (Seal.vocabularyKey, Self.vocabularyName),
            (Seal.ngramsKey, Self.ngramsName),
        ] where metadata[key] != expected[key] {
            throw ModelFolderError.mixedModels(path: url(of: name).path)
        }
    }
}
