import Foundation
import UnrollBase
import UnrollModel

/// The folder that a run is saved to, and what the run knows of it.
struct RunFolder: Sendable {
    let folder: ModelFolder
    /// The names of the checkpoints in ``historyName`` that the run has written, the oldest first; others that are there
    /// are not its own.
    var kept: [String] = []
    /// The position that the run goes on from, while `metrics.jsonl` may have reports after it, which will come again.
    var resumed: TrainingPosition?

    /// The name of the best model's folder within that of the run.
    static let bestName = "best"
    /// The name of the folder of the checkpoints that are kept.
    static let historyName = "checkpoints"
    private static let prefix = "step-"

    /// Whether a path is that of this folder.
    func isSame(as other: ModelFolder) -> Bool {
        guard let own = FileStatus(of: folder.url.path), let status = FileStatus(of: other.url.path) else {
            return folder.url == other.url
        }
        return own.isSameFile(as: status)
    }

    /// The folder of the run that keeps a checkpoint in this one; nil for any other folder.
    static func run(keeping checkpoint: URL) -> URL? {
        let checkpoint = checkpoint.resolvingSymlinksInPath()
        let history = checkpoint.deletingLastPathComponent()
        let run = history.deletingLastPathComponent()
        guard checkpoint.lastPathComponent.hasPrefix(prefix), history.lastPathComponent == historyName,
            FileSystem.kind(of: run.appending(path: TrainingCheckpoint.fileName)) == .file
        else { return nil }
        return run
    }

    // MARK: Going on

    /// Removes the reports that will come again.
    mutating func removeLaterReports() throws {
        guard let resumed else { return }
        try MetricsLog(folder: folder).removeReports(after: resumed)
        self.resumed = nil
    }

    /// What a run that goes on from here in another folder takes along: the reports so far, and the best model if there is
    /// one.
    func files(upTo position: TrainingPosition) throws -> [String: Data] {
        let run = Self.run(keeping: folder.url).map { ModelFolder($0) } ?? folder
        var files: [String: Data] = [:]
        files[MetricsLog.fileName] = MetricsLog(folder: run).reports(upTo: position)
        for name in bestFiles { files[name] = try folder.contents(of: name) }
        return files
    }

    /// The names of the best model's files, if they are there.
    private var bestFiles: [String] {
        let best = ModelFolder(folder.url(of: Self.bestName))
        let names = best.names.map { "\(Self.bestName)/\($0)" }
        return names.allSatisfy { FileSystem.kind(of: folder.url(of: $0)) == .file } ? names : []
    }

    // MARK: Kept checkpoints

    /// Whether a name is one that a run gives a checkpoint: rotation removes folders by the names in a file.
    static func isKeptName(_ name: String) -> Bool {
        let number = name.dropFirst(prefix.count)
        return name.hasPrefix(prefix) && !number.isEmpty && number.allSatisfy { "0123456789-".contains($0) }
    }

    /// Removes the oldest checkpoints so that there is room for one more.
    ///
    /// - Returns: The name for that one, and why an old one could not be removed, which the next call tries again.
    mutating func makeRoom(forStep step: Int, keeping count: Int) -> (name: String, failure: (any Error)?) {
        let usual = Self.prefix + NumberFormat.padded(step, digits: 6)
        // Of one step there is one checkpoint, the last.
        let isAgain = kept.last.map { $0 == usual || $0.hasPrefix(usual + "-") } ?? false
        let surplus = (isAgain ? kept.suffix(1) : []) + kept.dropLast(isAgain ? 1 : 0).dropLast(count - 1)
        var failure: (any Error)?
        for name in surplus {
            do {
                let old = url(ofKept: name)
                if FileSystem.kind(of: old) == .folder { try ModelFolder(old).remove() }
                kept.removeAll { $0 == name }
            } catch {
                failure = error
            }
        }
        var (name, number) = (usual, 1)
        while FileSystem.kind(of: url(ofKept: name)) != .nothing {
            number += 1
            name = "\(usual)-\(number)"
        }
        kept.append(name)
        return (name, failure)
    }

    /// Gives the checkpoint that is in the folder one of its own.
    func keep(as name: String) throws {
        try folder.link(
            folder.names + [TrainingRecord.fileName, TrainingCheckpoint.fileName] + bestFiles,
            to: url(ofKept: name))
    }

    private func url(ofKept name: String) -> URL {
        folder.url.appending(path: Self.historyName).appending(path: name)
    }
}
