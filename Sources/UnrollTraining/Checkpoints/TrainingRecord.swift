import Foundation
import UnrollBase
import UnrollModel
import UnrollText

/// The contents of `training.json`: what stays the same during a run.
public struct TrainingRecord: Sendable, Equatable, Codable {
    /// The options of the run.
    public var options: TrainingOptions
    /// Where the text came from; nil if the program did not say.
    public var corpus: CorpusOrigin?
    private var format = Self.format
    private var version = Self.version
    /// The checksum of all the rest, by which changes are noticed.
    private var seal = ""

    static let fileName = FileSignature.trainingName
    private static let format = FileSignature.training
    private static let version = 1

    /// What every version has.
    private struct Header: Decodable {
        let format: String
        let version: Int
    }

    init(options: TrainingOptions, corpus: CorpusOrigin?) {
        self.options = options
        self.corpus = corpus
    }

    /// Reads the record of a run from its folder.
    ///
    /// - Throws: `FileError` when the file is damaged or cannot be read, `TrainingError.cannotResume` when the folder
    ///   has none.
    public init(of folder: URL) throws {
        let folder = ModelFolder(folder)
        let path = folder.url(of: Self.fileName).path
        try folder.check()
        guard let data = try folder.contents(of: Self.fileName) else {
            throw TrainingError.cannotResume(
                folder: folder.url.path, .noCheckpoint(file: Self.fileName))
        }
        let decoder = JSONDecoder()
        guard let header = try? decoder.decode(Header.self, from: data), header.format == Self.format else {
            throw FileError.invalid(path: path, reason: "not the record of a training run")
        }
        guard header.version <= Self.version else {
            throw FileError.newerVersion(path: path, version: header.version)
        }
        guard header.version == Self.version, var document = try? decoder.decode(JSONValue.self, from: data),
            let seal = try? Self.seal(of: document), document["seal"] == .string(seal)
        else { throw FileError.invalid(path: path, reason: "it has been changed") }
        do {
            // An option that is newer than the file has its default.
            document["options"] = try JSONValue(
                encoding: TrainingOptions(json: document["options"] ?? .null, at: "options"))
            self = try document.decoded()
        } catch {
            throw FileError.invalid(path: path, reason: JSONValue.reason(error))
        }
        self.seal = ""
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder.unrollPretty
        return try encoder.encode(try sealed()) + Data("\n".utf8)
    }

    /// The same record with its checksum.
    private func sealed() throws -> TrainingRecord {
        var record = self
        record.seal = try Self.seal(of: JSONValue(encoding: self))
        return record
    }

    /// The checksum of a record in JSON, whatever keys it has.
    private static func seal(of document: JSONValue) throws -> String {
        var document = document
        document["seal"] = .string("")
        return Checksum.sha256(try JSONEncoder.unroll.encode(document))
    }
}

/// Where a run's text came from and how it was read, so that it can be read again.
public struct CorpusOrigin: Sendable, Equatable, Codable {
    /// The paths or names of the texts, files or folders, in order; at least one.
    public var sources: [String]
    /// The preprocessing of the text.
    public var preprocessing: Preprocessing
    /// The kind of its tokens.
    public var tokens: TokenKind
    /// The number of subwords that was asked for; nil for that which suits the text, and for other tokens.
    public var vocabularySize: Int?
    /// Tokens that occur less often are `<unk>`; at least 1.
    public var minimumFrequency: Int
    /// The tokens that were kept, from the start of the text; nil for all.
    public var limit: Int?
    /// The path of the validation text, if it is one of its own.
    public var validationSource: String?
    /// The path of the test text, if it is one of its own.
    public var testSource: String?

    /// An origin with these properties.
    public init(
        sources: [String], preprocessing: Preprocessing, tokens: TokenKind, vocabularySize: Int? = nil,
        minimumFrequency: Int, limit: Int?, validationSource: String? = nil, testSource: String? = nil
    ) {
        self.sources = sources
        self.preprocessing = preprocessing
        self.tokens = tokens
        self.vocabularySize = vocabularySize
        self.minimumFrequency = minimumFrequency
        self.limit = limit
        self.validationSource = validationSource
        self.testSource = testSource
    }
}
