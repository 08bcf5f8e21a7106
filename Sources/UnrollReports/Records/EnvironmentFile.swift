import Foundation
import UnrollBase
import UnrollModel

/// `environment.json`: the sessions of a run.
struct EnvironmentFile: Codable {
    static let name = "environment.json"
    private static let format = "unroll-environment"
    private static let version = 1

    private var format = Self.format
    private var version = Self.version
    private(set) var sessions: [SessionEnvironment] = []

    /// Reads the file of a run; nil where there is none.
    init?(of folder: ModelFolder) throws {
        let url = folder.url(of: Self.name)
        do {
            guard let data = try folder.contents(of: Self.name) else { return nil }
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError.invalid(path: url.path, reason: "not the environment of a training run")
        }
        guard format == Self.format else {
            throw FileError.invalid(path: url.path, reason: "not the environment of a training run")
        }
        guard version <= Self.version else {
            throw FileError.newerVersion(path: url.path, version: version)
        }
    }

    private init() {}

    /// Adds a session to the file of a run, or begins it; a damaged one is worth less than the run and is replaced.
    static func add(_ session: SessionEnvironment, to folder: ModelFolder) throws {
        var file = (try? EnvironmentFile(of: folder)) ?? EnvironmentFile()
        file.sessions.append(session)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try folder.write(try encoder.encode(file) + Data("\n".utf8), to: name)
    }
}
