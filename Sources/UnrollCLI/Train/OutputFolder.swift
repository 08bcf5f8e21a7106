import Foundation
import Unroll
import UnrollBase
import UnrollModel
import UnrollTraining

/// The folder that a run saves to.
struct OutputFolder {
    private(set) var url: URL
    /// As the user wrote it.
    private(set) var name: String
    /// Whether a run goes on in it, rather than a new one begins.
    let isResumed: Bool
    /// The checkpoint of another folder that the new run goes on from, as the user wrote it; nil for none.
    let source: String?
    /// Whether another name will do.
    private let isNameFree: Bool
    /// The right to write to it, if it was there.
    private var lock: FolderLock?

    static let defaultName = "unroll-model"

    /// The caches of large texts, which are written before there is a model.
    var caches: TextCaches { TextCaches(folder: url) }

    /// The folder of a run that goes on where it is.
    init(resuming name: String) throws {
        (self.name, isResumed, isNameFree, source) = (name, true, false, nil)
        url = URL(fileURLWithPath: name, isDirectory: true)
        lock = try FolderLock(url)
    }

    /// The folder of a new run, which must be new or empty: the one of `--output`, or the next free name.
    ///
    /// A folder with nothing but caches counts as empty: a run that ended before it began has left them, and they save
    /// the next the reading.
    init(output: String?, source: String? = nil) throws {
        name = output ?? Self.defaultName
        (isResumed, isNameFree, self.source) = (false, output == nil, source)
        url = URL(fileURLWithPath: name, isDirectory: true)
        try take()
    }

    /// Begins to save a run here, or under the next free name if another run has been faster where any name will do.
    mutating func begin(_ trainer: Trainer, policy: CheckpointPolicy) throws -> CheckpointWriter {
        while true {
            if lock == nil { try take() }
            let writer = try CheckpointWriter(trainer, folder: url, policy: policy)
            do {
                // A folder that was not there may be by now, and its run may have ended already.
                try writer.start(with: lock, mustBeNew: lock == nil)
                // From here on the lock is the writer's alone.
                lock = nil
                return writer
            } catch {
                guard isNameFree, lock == nil, Self.isTaken(error) else { throw error }
            }
        }
    }

    private static func isTaken(_ error: any Error) -> Bool {
        switch error {
        case FileError.inUse, ModelFolderError.holdsAnotherModel: true
        default: false
        }
    }

    /// Takes the folder if it is there and may be taken, or the next one where any name will do.
    private mutating func take() throws {
        var number = 1
        while true {
            do {
                lock = try takenLock()
                if Self.isFree(name) { return }
                lock = nil
            } catch {
                guard isNameFree, Self.isTaken(error) else { throw error }
            }
            guard isNameFree else {
                throw Failure(
                    "\(name): exists already; choose another --output, go on with --resume \(Shell.path(name)), or remove it first"
                )
            }
            number += 1
            name = "\(Self.defaultName)-\(number)"
            url = URL(fileURLWithPath: name, isDirectory: true)
        }
    }

    /// The lock on a folder that is free, or that says who writes to it; nil where there is no such folder.
    private func takenLock() throws -> FolderLock? {
        let file = url.appendingPathComponent(FolderLock.runName)
        guard FileSystem.kind(of: url) == .folder, Self.isFree(name) || FileSystem.kind(of: file) == .file
        else { return nil }
        return try FolderLock(url)
    }

    private static func isFree(_ name: String) -> Bool {
        guard FileManager.default.fileExists(atPath: name) else { return true }
        guard let contents = try? FileManager.default.contentsOfDirectory(atPath: name) else { return false }
        return contents.allSatisfy { file in
            // A killed run may have left an unfinished cache under a temporary name.
            TextCaches.names.contains(file) || file == FolderLock.runName || FileSystem.isTemporary(file)
        }
    }
}
