import Dispatch
import Foundation
import Synchronization
import UnrollBase
import UnrollModel

/// Saves a run to a folder while it goes on: reports, checkpoints and the best model.
///
/// Training stands still while tensors are copied; they are written beside it, one checkpoint at a time.
///
/// ```swift
/// let writer = try CheckpointWriter(trainer, folder: folder)
/// do {
///     for try await event in trainer.run() { try writer.follow(event) }
/// } catch is CancellationError {
///     // A canceled task leaves the loop here; the checkpoint below is where the run resumes.
/// }
/// try await writer.finish()
/// ```
///
/// The folder is taken, or made, at the first event, and is this run's until ``finish()`` has returned: while it is, a
/// second writer for it is refused, here and in other processes. Its model is the last one; with held-out text, the best one
/// is in its folder `best`.
///
/// A run that was resumed from the same folder goes on there. One that was resumed from another folder is a new run: it
/// starts with the reports and the best model so far, and leaves that folder alone. The checkpoints that a policy keeps are
/// such folders, and no run can be saved to one of them. Only those are removed that the run has written itself.
public final class CheckpointWriter: Sendable {
    private let trainer: Trainer
    private let folder: URL
    private let policy: CheckpointPolicy
    private let queue = DispatchQueue(label: "unroll.checkpoints", qos: .utility)
    private let progress: Mutex<Progress>

    /// What is still to be written, and what has been.
    private struct Progress {
        /// The right to write to the folder, once the run has started there.
        var lock: FolderLock?
        var lastWrite = ContinuousClock.now
        var lastStep: Int
        /// The best model since the last checkpoint; written with the next, so that one always fits the other.
        var best: LanguageModel?
        var isWriting = false
        /// The last error of writing, until it is thrown.
        var error: (any Error)?
        /// Checkpoints in a row that could not be written.
        var failureCount = 0

        func isDue(step: Int, policy: CheckpointPolicy) -> Bool {
            if let steps = policy.steps, step - lastStep >= steps { return true }
            guard let seconds = policy.seconds else { return false }
            return step > lastStep && lastWrite.duration(to: .now) >= .seconds(seconds)
        }

        mutating func takeError() -> (any Error)? {
            defer { error = nil }
            return error
        }
    }

    /// The name of the best model's folder within that of the run.
    public static let bestName = RunFolder.bestName
    /// The name of the folder of the checkpoints that are kept, within that of the run.
    package static let historyName = RunFolder.historyName
    /// Consecutive checkpoints that may fail, as on a disk that is full for a while, before training stops.
    private static let mostFailures = 3

    /// Prepares to save a run.
    ///
    /// - Throws: `ParameterError` for a policy out of range.
    public init(
        _ trainer: Trainer, folder: URL, policy: CheckpointPolicy = CheckpointPolicy()
    ) throws(ParameterError) {
        try policy.check()
        self.trainer = trainer
        self.folder = URL(fileURLWithPath: folder.path, isDirectory: true)
        self.policy = policy
        progress = Mutex(Progress(lastStep: trainer.position.steps))
    }

    /// Takes the folder for the run, with a lock if the caller has it already, and saves a first checkpoint there.
    ///
    /// The first event does so too; this is for those who want to know before anything else is done.
    ///
    /// - Parameters:
    ///   - lock: The lock. Default: none.
    ///   - mustBeNew: Whether a folder that is there is another run's, even one that is finished and of the same model.
    ///     Default: false.
    /// - Throws: `FileError` when another writer has the folder, or it cannot be written; `TrainingError.keptCheckpoint`;
    ///   `ModelFolderError` when it is no place for this run.
    package func start(with lock: FolderLock? = nil, mustBeNew: Bool = false) throws {
        try progress.withLock { progress in
            guard progress.lock == nil else { return }
            progress.lock = try take(lock, mustBeNew: mustBeNew)
        }
    }

    private func take(_ lock: FolderLock?, mustBeNew: Bool) throws -> FolderLock {
        if let run = Self.run(keeping: folder) {
            throw TrainingError.keptCheckpoint(folder: folder.path, run: run.path)
        }
        let checkpoint = try trainer.checkpoint()
        let own = ModelFolder(folder)
        let earlier = trainer.runFolder.withLock(\.self)
        if earlier?.isSame(as: own) == true {
            let lock = try lock ?? FolderLock(folder)
            try trainer.save(checkpoint, to: folder)
            return lock
        }
        let files = try earlier?.files(upTo: checkpoint.position) ?? [:]
        let isNew = FileSystem.kind(of: folder) == .nothing
        let held = try isNew ? nil : lock ?? FolderLock(folder)
        guard isNew || !mustBeNew else { throw ModelFolderError.holdsAnotherModel(path: folder.path) }
        let made: FolderLock?
        do {
            made = try trainer.save(checkpoint, with: files, to: folder, locked: isNew)
        } catch let error as ModelFolderError where isNew {
            // Another run has been faster, and is the better explanation if it is still there.
            _ = try FolderLock(folder)
            throw error
        }
        trainer.runFolder.withLock { $0 = RunFolder(folder: own) }
        return try held ?? made ?? FolderLock(folder)
    }

    /// The names of the files that a run in a folder is resumed from.
    package static func fileNames(of folder: URL) -> [String] {
        ModelFolder(folder).names + [TrainingRecord.fileName, TrainingCheckpoint.fileName]
    }

    /// The folder of the run that keeps a checkpoint in this folder, among its `checkpoints`; nil for any other folder.
    package static func run(keeping checkpoint: URL) -> URL? { RunFolder.run(keeping: checkpoint) }

    /// Saves what an event brings, and starts a checkpoint if one is due.
    ///
    /// - Returns: The checkpoint that was started, if one was.
    /// - Throws: `FileError` when something could not be saved, now or since the event before; training may go on.
    ///   `TrainingError.cannotSave` when too many checkpoints in a row have failed. At the first event, also
    ///   `FileError.inUse` when another writer has the folder, `TrainingError.keptCheckpoint`, and `ModelFolderError` when
    ///   it holds another model.
    @discardableResult
    public func follow(_ event: TrainingEvent) throws -> CheckpointNote? {
        try start()
        var failure = progress.withLock { $0.takeError() }
        switch event {
        case .epoch(let report), .validation(let report):
            if trainer.position.validation.best?.step == report.step, let model = trainer.bestModel {
                progress.withLock { $0.best = model }
            }
            do {
                try trainer.log(report, to: folder)
            } catch {
                failure = error
            }
        case .progress, .notice:
            break
        case .started, .finished:
            return nil
        }
        let step = trainer.position.steps
        let isDue = progress.withLock { progress in
            let isDue =
                !progress.isWriting && progress.isDue(step: step, policy: policy) && trainer.wantState()
            if isDue { progress.isWriting = true }
            return isDue
        }
        let note = isDue ? try begin() : nil
        if let failure { throw stoppingError(failure, after: Self.mostFailures) ?? failure }
        return note
    }

    /// Waits until what is being written is on the disk, or could not be written.
    public func wait() async {
        // The queue is serial: this comes after what is being written.
        await withCheckedContinuation { done in queue.async { done.resume() } }
    }

    /// Writes what is not yet written, waits until the disk has it, and leaves the folder to other writers.
    ///
    /// - Throws: `TrainingError.cannotSave` when the last checkpoint could not be written; the folder is not left then.
    public func finish() async throws {
        try start()
        await wait()
        progress.withLock { progress in
            progress.isWriting = true
            progress.error = nil
        }
        try begin()
        await wait()
        if let error = progress.withLock({ $0.takeError() }) { throw stoppingError(error, after: 1) ?? error }
        progress.withLock { $0.lock = nil }
    }

    /// The error that stops a run after so many failures in a row; nil as long as there are fewer.
    private func stoppingError(_ error: any Error, after count: Int) -> TrainingError? {
        let failures = progress.withLock(\.failureCount)
        guard failures >= count else { return nil }
        return .cannotSave(folder: folder.path, attempts: failures, reason: "\(error)")
    }

    /// Copies what is to be written, and writes it beside training.
    @discardableResult
    private func begin() throws -> CheckpointNote {
        let start = ContinuousClock.now
        let checkpoint: TrainingCheckpoint
        do {
            checkpoint = try trainer.checkpoint()
        } catch {
            // An engine whose device has failed has nothing to save.
            progress.withLock { $0.isWriting = false }
            throw error
        }
        let step = checkpoint.position.steps
        let best = progress.withLock { progress in
            progress.lastWrite = start
            progress.lastStep = step
            defer { progress.best = nil }
            return progress.best
        }
        queue.async { [self] in
            do {
                try write(checkpoint, best: best)
                progress.withLock { progress in
                    progress.isWriting = false
                    progress.failureCount = 0
                }
            } catch {
                progress.withLock { progress in
                    progress.isWriting = false
                    progress.failureCount += 1
                    progress.error = error
                    // The next checkpoint brings it, or a better one.
                    progress.best = progress.best ?? best
                }
            }
        }
        return CheckpointNote(step: step, pausedSeconds: start.duration(to: .now) / .seconds(1))
    }

    private func write(_ checkpoint: TrainingCheckpoint, best: LanguageModel?) throws {
        if let best { try best.save(to: folder.appending(path: Self.bestName)) }
        guard policy.count > 1 else {
            try trainer.save(checkpoint, to: folder)
            return
        }
        // The checkpoint has the names of all that are kept, its own too.
        let (step, own) = (checkpoint.position.steps, ModelFolder(folder))
        let room = trainer.runFolder.withLock { run in
            // A program may save one run to two folders.
            if run?.isSame(as: own) != true { run = RunFolder(folder: own) }
            return run?.makeRoom(forStep: step, keeping: policy.count)
        }
        do {
            try trainer.save(checkpoint, to: folder)
            if let room { try trainer.runFolder.withLock(\.self)?.keep(as: room.name) }
        } catch {
            trainer.runFolder.withLock { $0?.kept.removeAll { $0 == room?.name } }
            throw error
        }
        if let failure = room?.failure { throw failure }
    }
}

/// When checkpoints are written, and how many are kept.
public struct CheckpointPolicy: Sendable, Equatable {
    /// Seconds between checkpoints, at least 0; nil to count only steps.
    ///
    /// Default: 15.
    public var seconds: Double?
    /// Steps of training between checkpoints, at least 1; nil to count only seconds.
    ///
    /// Default: nil.
    public var steps: Int?
    /// Checkpoints to keep, at least 1.
    ///
    /// Default: 1, the run's folder alone.
    ///
    /// With more, the last ones are also in folders of their own, `checkpoints/step-000123` and the like, each a whole
    /// model folder with the best model so far. The run removes the oldest of those that it has written, and no others.
    public var count: Int

    /// A policy; the default keeps the last checkpoint, written every 15 seconds.
    public init(seconds: Double? = 15, steps: Int? = nil, count: Int = 1) {
        self.seconds = seconds
        self.steps = steps
        self.count = count
    }

    /// Checks the ranges.
    package func check() throws(ParameterError) {
        if let seconds {
            try ParameterError.require(
                seconds >= 0 && seconds.isFinite, "checkpointSeconds", is: seconds,
                but: "at least 0 and finite")
        }
        if let steps {
            try ParameterError.require(steps >= 1, "checkpointSteps", is: steps, but: "at least 1")
        }
        try ParameterError.require(count >= 1, "checkpointCount", is: count, but: "at least 1")
    }
}

/// A checkpoint that has been started.
public struct CheckpointNote: Sendable, Equatable {
    /// The step of training that it holds.
    public var step: Int
    /// Seconds for which training stood still; the rest is written while it goes on.
    public var pausedSeconds: Double
}
