import Foundation
import Unroll
import UnrollDatasets

/// Finds a text by path or name, fetching it where necessary, and reads it.
enum CorpusReader {
    /// The source that stands for the story inside the program.
    static let bundledStory = "sample"
    static let standardInput = "-"

    /// Reads a text; a large one is kept in the cache, if there may be one.
    static func read(_ origin: CorpusOrigin, cache: URL? = nil) async throws -> Corpus {
        switch origin.sources {
        case [bundledStory]:
            return try read(SampleText.utf8, named: SampleText.title, origin)
        case [standardInput]:
            return try read(try standardInputBytes(), named: "standard input", origin)
        default:
            var files: [URL] = []
            for source in origin.sources { files.append(try await file(source)) }
            return try Corpus(
                contentsOf: files, preprocessing: origin.preprocessing, tokens: origin.tokens,
                minimumFrequency: origin.minimumFrequency, limit: origin.limit, cache: cache)
        }
    }

    /// Reads a text as tokens of a model's vocabulary.
    static func read(
        _ source: String, with vocabulary: Vocabulary, cache: URL? = nil
    ) async throws -> Corpus {
        switch source {
        case standardInput:
            try Corpus(bytes: try standardInputBytes(), name: "standard input", vocabulary: vocabulary)
        default:
            try Corpus(contentsOf: [try await file(source)], vocabulary: vocabulary, cache: cache)
        }
    }

    /// Begins to read a text, of any length, as tokens of a model's vocabulary.
    static func tokens(of source: String, with vocabulary: Vocabulary) async throws -> TokenReader {
        source == standardInput
            ? TokenReader(.standardInput, vocabulary: vocabulary)
            : try TokenReader(contentsOf: try await file(source), vocabulary: vocabulary)
    }

    /// Opens a text.
    static func stream(of source: String) async throws -> ByteReader {
        source == standardInput ? .standardInput : try ByteReader(contentsOf: try await file(source))
    }

    /// A path, or the file of a name from the catalog.
    static func file(_ source: String) async throws -> URL {
        let url = URL(fileURLWithPath: source)
        guard !FileManager.default.fileExists(atPath: source),
            let dataset = try? DatasetCatalog.standard.dataset(named: source)
        else { return url }
        return try await fetch(dataset)
    }

    /// Fetches a text of the catalog unless it is there already, in the cache or on the person's own shelf.
    static func fetch(_ dataset: Dataset) async throws -> URL {
        if let file = DatasetFolder().file(of: dataset) { return file }
        let cache = DatasetCache()
        guard !cache.contains(dataset) else { return cache.file(of: dataset) }
        Standard.error.write("fetching \(dataset.title) from \(dataset.url)\n")
        let file = try await DatasetDownload(dataset, into: cache).run { received, total in
            Standard.error.showProgress(received, of: total)
        }
        Standard.error.clearProgress()
        return file
    }

    private static func read(_ bytes: some Collection<UInt8>, named name: String, _ origin: CorpusOrigin)
        throws -> Corpus
    {
        try Corpus(
            bytes: bytes, name: name, preprocessing: origin.preprocessing, tokens: origin.tokens,
            minimumFrequency: origin.minimumFrequency, limit: origin.limit)
    }

    static func standardInputBytes() throws -> Data {
        do {
            return try FileHandle.standardInput.readToEnd() ?? Data()
        } catch {
            throw TextError.unreadable(file: "standard input", reason: error.localizedDescription)
        }
    }
}

/// The texts of a run: what trains and, where they are texts of their own, what validates and what is tested on.
struct RunTexts {
    let corpus: Corpus
    let validation: Corpus?
    let test: Corpus?

    /// Reads the texts; large ones are kept in caches in the folder of the run, if there is to be one.
    init(_ origin: CorpusOrigin, in folder: OutputFolder?) async throws {
        func heldOut(_ source: String?, _ vocabulary: Vocabulary, _ cache: URL?) async throws -> Corpus? {
            guard let source else { return nil }
            let text = try await CorpusReader.read(source, with: vocabulary, cache: cache)
            if text.unknownCount > 0 {
                Standard.error.write(
                    "note: \(text.unknownCount) of \(text.tokens.count) tokens of \(text.name) are unknown to the model\n"
                )
            }
            return text
        }
        corpus = try await CorpusReader.read(origin, cache: folder?.textCache)
        validation = try await heldOut(origin.validationSource, corpus.vocabulary, folder?.validationCache)
        test = try await heldOut(origin.testSource, corpus.vocabulary, folder?.testCache)
    }
}
