import Foundation
import UnrollBase
import UnrollModel

/// `training.json`: what stays the same during a run.
public struct TrainingRecord: Sendable, Equatable, Codable {
    /// How the model is trained.
    public var options: TrainingOptions
    /// Where the text came from, if the program said so.
    public var corpus: CorpusOrigin?
    private var format = Self.currentFormat
    private var version = Self.currentVersion
    /// The checksum of all the rest, by which changes are noticed.
    private var seal = ""

    static let fileName = "training.json"
    private static let currentFormat = "unroll-training"
    private static let currentVersion = 1

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
    public init(of folder: URL) throws(TrainingError) {
        let folder = ModelFolder(folder)
        let path = folder.url(of: Self.fileName).path
        do {
            try folder.check()
            guard let data = try folder.contents(of: Self.fileName) else {
                throw TrainingError.cannotResume(
                    folder: folder.url.path,
                    reason: "there is no \(Self.fileName) in it; train with --output instead")
            }
            let header = try JSONDecoder().decode(Header.self, from: data)
            guard header.format == Self.currentFormat else {
                throw FileError.invalid(path: path, reason: "not the record of a training run")
            }
            guard header.version <= Self.currentVersion else {
                throw FileError.newerVersion(path: path, version: header.version)
            }
            self = try JSONDecoder().decode(TrainingRecord.self, from: data)
            guard seal == (try sealed().seal) else {
                throw FileError.invalid(path: path, reason: "it has been changed")
            }
            seal = ""
        } catch let error as any UnrollError {
            throw .storage(error)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw .storage(FileError.invalid(path: path, reason: "not the record of a training run"))
        }
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(try sealed()) + Data("\n".utf8)
    }

    /// The same record with its checksum.
    private func sealed() throws -> TrainingRecord {
        var record = self
        record.seal = ""
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        record.seal = Checksum.sha256(try encoder.encode(record))
        return record
    }
}
