import Foundation
import UnrollBase
import UnrollKernels
import UnrollModel
import UnrollTraining

/// The machine and the program that computed a session of a run, from a start or a resumption to the next stop.
///
/// For privacy it has no name of a user or a host, and no path.
package struct SessionEnvironment: Codable, Equatable, Sendable {
    /// The time at which it started, in ISO 8601.
    package var started: String
    /// The program's version.
    package var unroll: String
    /// The compiler's version.
    package var swift: String
    package var operatingSystem: String
    package var processor: String
    package var logicalProcessors: Int
    /// The engine with the level of its kernels.
    package var engine: String
    package var threads: Int

    /// Describes a session that starts now on this machine.
    init(programVersion: String, engine: String, choice: EngineKind) {
        started = Date.now.formatted(.iso8601)
        unroll = programVersion
        swift = Self.swiftVersion
        operatingSystem = ProcessInfo.processInfo.operatingSystemVersionString
        processor = SystemInfo.processorName
        logicalProcessors = ProcessInfo.processInfo.processorCount
        self.engine = engine
        threads =
            switch choice {
            case .cpu(let threads), .automatic(let threads): threads ?? WorkerPool.processorCount
            case .cuda, .reference: 1
            }
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}

/// `environment.json`: the sessions of a run.
struct EnvironmentFile: Codable {
    static let name = "environment.json"
    private static let format = "unroll-environment"
    private static let version = 1

    private var format = Self.format
    private var version = Self.version
    private(set) var sessions: [SessionEnvironment] = []

    /// Reads the file of a run; nil if there is none.
    ///
    /// - Throws: `FileError`.
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

    /// Adds a session to the file of a run, or creates it, after the sessions of the run in another folder if it goes on
    /// from there.
    ///
    /// A damaged file is replaced, so that it does not stop a run.
    ///
    /// - Throws: `FileError` or `ModelFolderError`.
    static func add(
        _ session: SessionEnvironment, to folder: ModelFolder, after earlier: ModelFolder
    ) throws {
        var file = (try? EnvironmentFile(of: earlier)) ?? EnvironmentFile()
        file.sessions.append(session)
        try folder.write(try JSONEncoder.unrollPretty.encode(file) + Data("\n".utf8), to: name)
    }
}
