import Foundation
import Unroll
import UnrollDatasets

/// Finds a text by path or name, fetching it where necessary, and reads it.
enum CorpusReader {
    /// The source that stands for the story inside the program.
    static let bundledStory = "sample"
    static let standardInput = "-"
    /// Standard input in messages.
    static let standardInputName = "standard input"

    /// Reads a text; a large one is to be kept in the cache, if there may be one.
    static func read(_ origin: CorpusOrigin, cache: URL? = nil) async throws -> StagedCorpus {
        switch origin.sources {
        case [bundledStory]:
            return StagedCorpus(try read(SampleText.utf8, named: SampleText.title, origin))
        case [standardInput]:
            return StagedCorpus(try read(try standardInputBytes(), named: standardInputName, origin))
        default:
            var files: [URL] = []
            for source in origin.sources { files.append(try await file(source)) }
            if origin.tokens.isBytewise {
                for file in files where FileStatus(of: file.path)?.kind == .file {
                    let (bytes, _) = try ByteReader(contentsOf: file).beginning(16, tokens: .bytes)
                    noteCompressed(bytes, named: file.path)
                }
            }
            return try read(
                .init(
                    .files(files), preprocessing: origin.preprocessing, kind: origin.tokens,
                    vocabularySize: origin.vocabularySize, minimumFrequency: origin.minimumFrequency,
                    limit: origin.limit, cache: cache))
        }
    }

    /// Reads a text as tokens of a model's vocabulary.
    static func read(
        _ source: String, with vocabulary: Vocabulary, cache: URL? = nil
    ) async throws -> StagedCorpus {
        switch source {
        case standardInput:
            StagedCorpus(
                try Corpus(bytes: try standardInputBytes(), name: standardInputName, vocabulary: vocabulary))
        default:
            try read(.init(.files([try await file(source)]), vocabulary: vocabulary, cache: cache))
        }
    }

    private static func read(_ reading: Corpus.Reading) throws -> StagedCorpus {
        let text = try StagedCorpus(reading)
        TextNotes.say(text.corpus.notices)
        return text
    }

    /// Begins to read a text, of any length, as tokens of a model's vocabulary.
    static func tokens(of source: String, with vocabulary: Vocabulary) async throws -> TokenReader {
        let reader =
            source == standardInput
            ? TokenReader(.standardInput, vocabulary: vocabulary)
            : try TokenReader(contentsOf: try await file(source), vocabulary: vocabulary)
        TextNotes.say(reader.notices)
        return reader
    }

    /// Opens a text.
    static func stream(of source: String) async throws -> ByteReader {
        source == standardInput ? .standardInput : try ByteReader(contentsOf: try await file(source))
    }

    /// A path, or the file of a text that is known by name.
    static func file(_ source: String) async throws -> URL {
        // A damaged record of a run may have one, and the URL would be that of the current folder.
        guard !source.isEmpty else { throw TextError.fileNotFound(file: "''") }
        guard !FileManager.default.fileExists(atPath: source), knownNames.contains(source) else {
            return URL(fileURLWithPath: source)
        }
        return try await fetch(source)
    }

    /// The names of `unroll corpus list`.
    static var knownNames: [String] { [bundledStory] + DatasetCatalog.standard.datasets.map(\.name) }

    /// The file of a text that is known by name: in the user's own folder, or in the cache, fetched if necessary.
    static func fetch(_ name: String) async throws -> URL {
        let cache = DatasetCache()
        if name == bundledStory { return try bundledStoryFile(in: cache.folder) }
        guard let dataset = try? DatasetCatalog.standard.dataset(named: name) else {
            throw DatasetError.unknown(name: name, known: knownNames)
        }
        let folder = DatasetFolder()
        if let file = folder.file(of: dataset) { return file }
        if let other = folder.otherContents(of: dataset) {
            note(other, insteadOf: dataset, "to train on it as it is, give its path")
        }
        guard !cache.contains(dataset) else { return cache.file(of: dataset) }
        if let other = cache.otherContents(of: dataset) {
            note(other, insteadOf: dataset, "it is fetched again")
        }
        Standard.error.say("fetching \(dataset.title) from \(dataset.url)")
        let file = try await DatasetDownload(dataset, into: cache).run { received, total in
            Standard.error.showProgress(received, of: total)
        }
        Standard.error.clearProgress()
        return file
    }

    private static func note(_ other: OtherContents, insteadOf dataset: Dataset, _ wayOut: String) {
        Standard.error.say(
            "note: \(other.file.path): not the text '\(dataset.name)', as its SHA-256 checksum is \(other.sha256) and "
                + "not \(dataset.sha256); \(wayOut)")
    }

    /// The bundled story as a file, for commands that read files.
    private static func bundledStoryFile(in folder: URL) throws -> URL {
        let file = folder.appending(path: "\(bundledStory).txt", directoryHint: .notDirectory)
        let text = Data(SampleText.utf8)
        guard (try? Data(contentsOf: file)) != text else { return file }
        do throws(SystemError) {
            try FileSystem.createFolders(folder)
        } catch {
            throw FileError(error, writing: text.count, to: folder.path)
        }
        try AtomicFile.write(text, to: file)
        return file
    }

    /// Says that bytes look compressed, which a model of bytes learns nothing from.
    private static func noteCompressed(_ bytes: some Collection<UInt8>, named name: String) {
        let format = Array(bytes.prefix(16)).withUnsafeBufferPointer { FileFormat(of: $0, isUTF8: false) }
        guard let format, format.contents == .compressed else { return }
        let advice = TextConversion.advice(of: format, in: name).map { "; to learn its text: \($0)" } ?? ""
        Standard.error.say("note: \(name): \(format.rawValue) by its first bytes, which look random\(advice)")
    }

    private static func read(_ bytes: some Collection<UInt8>, named name: String, _ origin: CorpusOrigin)
        throws -> Corpus
    {
        if origin.tokens.isBytewise { noteCompressed(bytes, named: name) }
        return try Corpus(
            bytes: bytes, name: name, preprocessing: origin.preprocessing, tokens: origin.tokens,
            vocabularySize: origin.vocabularySize, minimumFrequency: origin.minimumFrequency,
            limit: origin.limit)
    }

    static func standardInputBytes() throws -> Data {
        do {
            return try FileHandle.standardInput.readToEnd() ?? Data()
        } catch {
            throw TextError.unreadable(file: standardInputName, reason: SystemError.reason(of: error))
        }
    }
}

/// The texts of a run: what trains and, where they are texts of their own, what validates and what is tested on.
struct RunTexts {
    let corpus: Corpus
    let validation: Corpus?
    let test: Corpus?
    private let staged: [StagedCorpus]

    /// Reads the texts; large ones are to be kept in caches, if there are to be any.
    init(_ origin: CorpusOrigin, caches: TextCaches?) async throws {
        var staged: [StagedCorpus] = []
        func heldOut(_ source: String?, _ vocabulary: Vocabulary, _ cache: URL?) async throws -> Corpus? {
            guard let source else { return nil }
            staged.append(try await CorpusReader.read(source, with: vocabulary, cache: cache))
            let text = staged[staged.count - 1].corpus
            if text.unknownCount > 0 {
                Standard.error.say(
                    "note: \(text.unknownCount) of \(text.tokens.count) tokens of \(text.name) are unknown to the model"
                )
            }
            return text
        }
        staged.append(try await CorpusReader.read(origin, cache: caches?.training))
        corpus = staged[0].corpus
        validation = try await heldOut(origin.validationSource, corpus.vocabulary, caches?.validation)
        test = try await heldOut(origin.testSource, corpus.vocabulary, caches?.test)
        self.staged = staged
    }

    /// Puts new caches in the folder of the run: at once in that of a new one, and of another only when nothing
    /// keeps it from being resumed with these texts.
    func keepCaches() throws {
        for text in staged { try text.putCacheInPlace() }
    }
}

/// Where the caches of large texts are, which are written before there is a model.
struct TextCaches {
    let folder: URL

    /// The names of the files.
    static let names = ["tokens.cache", "validation.cache", "test.cache"]

    var training: URL { folder.appendingPathComponent(Self.names[0]) }
    var validation: URL { folder.appendingPathComponent(Self.names[1]) }
    var test: URL { folder.appendingPathComponent(Self.names[2]) }
}
