import Foundation
import UnrollBase
import UnrollText

extension ModelFolder {
    /// Saves a model and, beside it, files of other contents by their names.
    ///
    /// A new folder appears at once with all files in it. In a folder that is there, files are replaced one by one,
    /// each at once, and the parameters last; the other files of the folder are left alone. A name may have one folder in
    /// it, such as `best/config.json`.
    ///
    /// - Returns: The lock on a folder that is new, if it is to be `locked`.
    @discardableResult
    package func save(
        _ model: LanguageModel, with additionalFiles: [String: Data] = [:], locked: Bool = false
    ) throws -> FolderLock? {
        switch FileSystem.kind(of: url) {
        case .nothing:
            return try create(
                with: additionalFiles.merging(try files(of: model)) { $1 }, locked: locked)
        case .file:
            throw ModelFolderError.notAFolder(path: url.path)
        case .folder:
            let document = ConfigurationDocument(model)
            let (configuration, vocabulary) = try description(of: model)
            let ngrams = model.ngrams?.data
            let oldConfiguration = try existing(
                Self.configurationName, like: configuration, saysTheSame: document.isEqual)
            let oldVocabulary = try existing(Self.vocabularyName, like: vocabulary) {
                (try? Vocabulary(jsonData: $0)) == model.vocabulary
            }
            let oldNGrams = try ngrams.flatMap { try existing(Self.ngramsName, like: $0) { _ in false } }
            let isDescribed =
                oldConfiguration != nil && oldVocabulary != nil && (oldNGrams != nil || ngrams == nil)
            // Parameters without a description belong to another program: the description is always written first.
            guard isDescribed || FileSystem.kind(of: url(of: Self.parametersName)) == .nothing else {
                throw ModelFolderError.holdsAnotherModel(path: url.path)
            }
            FileSystem.discardAbandoned(in: url)
            let parameters = try parametersFile(
                of: model, configuration: oldConfiguration ?? configuration,
                vocabulary: oldVocabulary ?? vocabulary, ngrams: ngrams)
            if let ngrams, oldNGrams == nil { try write(ngrams, to: Self.ngramsName) }
            if oldVocabulary == nil { try write(vocabulary, to: Self.vocabularyName) }
            if oldConfiguration == nil { try write(configuration, to: Self.configurationName) }
            for (name, data) in additionalFiles.sorted(by: { $0.key < $1.key }) {
                try write(data, to: name)
            }
            try write(parameters, to: Self.parametersName)
            return nil
        }
    }

    /// The files of a model in a folder of its own, by their names.
    package func files(of model: LanguageModel) throws -> [String: Data] {
        let (configuration, vocabulary) = try description(of: model)
        let ngrams = model.ngrams?.data
        var files = [Self.configurationName: configuration, Self.vocabularyName: vocabulary]
        files[Self.ngramsName] = ngrams
        files[Self.parametersName] = try parametersFile(
            of: model, configuration: configuration, vocabulary: vocabulary, ngrams: ngrams)
        return files
    }

    /// The contents of the files that say what a model is made of and what its tokens are.
    package func description(
        of model: LanguageModel
    ) throws -> (configuration: Data, vocabulary: Data) {
        (
            try encoded(Self.configurationName) { try ConfigurationDocument(model).jsonData() },
            try encoded(Self.vocabularyName) { try model.vocabulary.jsonData() }
        )
    }

    /// Creates the folder with these files, and the folders that it lies in; no part of it is left if that fails.
    ///
    /// A symbolic link that leads to nothing stays, and the folder is made where it leads to.
    ///
    /// - Returns: The lock on it, if it is to be `locked`.
    /// - Throws: `ModelFolderError.holdsAnotherModel` when another process has been faster, and `FileError`.
    @discardableResult
    package func create(with files: [String: Data], locked: Bool = false) throws -> FolderLock? {
        do {
            let place = try FileSystem.target(of: url)
            let parent = place.deletingLastPathComponent()
            try FileSystem.createFolders(parent)
            FileSystem.discardAbandoned(in: parent)
            let temporary = TemporaryItem(in: parent)
            try FileSystem.createFolder(temporary.url)
            temporary.lock()
            let lock = locked ? try FolderLock(temporary.url, movingTo: place) : nil
            for (name, data) in files.sorted(by: { $0.key < $1.key }) {
                let file = temporary.url.appendingPathComponent(name)
                try FileSystem.createFolders(file.deletingLastPathComponent())
                try FileSystem.create(file, containing: data)
            }
            for folder in Set(
                files.keys.map { temporary.url.appendingPathComponent($0).deletingLastPathComponent() })
            {
                try FileSystem.synchronizeFolder(folder)
            }
            try temporary.move(to: place)
            try FileSystem.synchronizeFolder(parent)
            return lock
        } catch {
            guard let error = error as? SystemError else { throw error }
            guard !error.isOccupied else { throw ModelFolderError.holdsAnotherModel(path: url.path) }
            throw FileError(error, writing: files.values.reduce(0) { $0 + $1.count }, to: url.path)
        }
    }

    /// Replaces one file of the folder, or of a folder in it, at once, or creates it.
    package func write(_ data: Data, to name: String) throws {
        let file = url(of: name)
        do throws(SystemError) {
            try FileSystem.createFolders(file.deletingLastPathComponent())
        } catch {
            throw FileError(error, writing: data.count, to: file.path)
        }
        try AtomicFile.write(data, to: file)
    }

    /// Returns the file that is there, if it says what `data` says.
    ///
    /// Its bytes may differ, for another version of Foundation may have written the same JSON with other spaces.
    private func existing(
        _ name: String, like data: Data, saysTheSame: (Data) -> Bool
    ) throws -> Data? {
        guard let existing = try contents(of: name) else { return nil }
        guard existing == data || saysTheSame(existing) else {
            throw ModelFolderError.holdsAnotherModel(path: url.path)
        }
        return existing
    }

    private func parametersFile(
        of model: LanguageModel, configuration: Data, vocabulary: Data, ngrams: Data?
    ) throws -> Data {
        try encoded(Self.parametersName) {
            let metadata = Seal.metadata(
                configuration: configuration, vocabulary: vocabulary, ngrams: ngrams
            )
            .merging(try Seal.metadata(of: model.moment)) { $1 }
            return switch model.weightFormat {
            case .float32: try TensorFile.encode(model.parameters, metadata: metadata)
            case .int8:
                TensorFile.encode(try QuantizedParameters(model.parameters), metadata: metadata)
            }
        }
    }

    private func encoded(_ name: String, by encode: () throws -> Data) throws -> Data {
        do {
            return try encode()
        } catch {
            throw FileError.unwritable(path: url(of: name).path, reason: "\(error)")
        }
    }
}
