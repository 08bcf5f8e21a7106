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
        let configuration = try ConfigurationDocument.configuration(
            jsonData: configurationData, cells: cells, path: configurationPath)

        guard let vocabularyData = try contents(of: Self.vocabularyName) else {
            throw ModelFolderError.fileMissing(path: url(of: Self.vocabularyName).path)
        }
        let vocabulary = try vocabulary(jsonData: vocabularyData)

        let parametersPath = url(of: Self.parametersName).path
        guard let parametersData = try contents(of: Self.parametersName) else {
            throw ModelFolderError.parametersMissing(path: parametersPath)
        }
        let (parameters, metadata) = try TensorFile.decode(parametersData, path: parametersPath)
        try checkSeal(metadata, configuration: configurationData, vocabulary: vocabularyData)
        do {
            return try LanguageModel(
                configuration: configuration, vocabulary: vocabulary, parameters: parameters)
        } catch {
            throw ModelFolderError.parametersDoNotFit(path: parametersPath, reason: "\(error)")
        }
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
        _ metadata: [String: String], configuration: Data, vocabulary: Data
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
        let expected = Seal.metadata(configuration: configuration, vocabulary: vocabulary)
        for (key, name) in [
            (Seal.configurationKey, Self.configurationName), (Seal.vocabularyKey, Self.vocabularyName),
        ] where metadata[key] != expected[key] {
            throw ModelFolderError.mixedModels(path: url(of: name).path)
        }
    }
}
