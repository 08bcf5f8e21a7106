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
/// try trainer.saveCheckpoint(to: folder)
/// let writer = try CheckpointWriter(trainer, folder: folder)
/// for try await event in trainer.run() { try writer.follow(event) }
/// try await writer.finish()
/// ```
///
/// The first line makes the folder. Its model is the last one; with held-out text, the best one is in its folder `best`.
public final class CheckpointWriter: Sendable {
    private let trainer: Trainer
    private let folder: URL
    private let policy: CheckpointPolicy
    private let queue = DispatchQueue(label: "unroll.checkpoints", qos: .utility)
    private let progress: Mutex<Progress>

    /// What is still to be written, and what has been.
    private struct Progress {
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
    public static let bestName = "best"
    /// Consecutive checkpoints that may fail, as on a disk that is full for a while, before training stops.
    private static let mostFailures = 3
    private static let historyName = "checkpoints"
    private static let historyPrefix = "step-"

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

    /// Saves what an event brings, and starts a checkpoint if one is due.
    ///
    /// - Returns: The checkpoint that was started, if one was.
    /// - Throws: `FileError` when something could not be saved, now or since the event before; training may go on.
    ///   `TrainingError.cannotSave` when too many checkpoints in a row have failed.
    @discardableResult
    public func follow(_ event: TrainingEvent) throws -> CheckpointNote? {
        var failure = progress.withLock { $0.takeError() }
        switch event {
        case .epoch(let report), .validation(let report):
            if let model = try trainer.bestModel(after: report) { progress.withLock { $0.best = model } }
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
            let isDue = !progress.isWriting && progress.isDue(step: step, policy: policy)
            if isDue { progress.isWriting = true }
            return isDue
        }
        let note = isDue ? begin() : nil
        if let failure { throw stoppingError(failure, after: Self.mostFailures) ?? failure }
        return note
    }

    /// Waits until what is being written is on the disk, or could not be written.
    public func wait() async {
        // The queue is serial: this comes after what is being written.
        await withCheckedContinuation { done in queue.async { done.resume() } }
    }

    /// Writes what is not yet written, and waits until the disk has it.
    ///
    /// - Throws: `TrainingError.cannotSave` when the last checkpoint could not be written.
    public func finish() async throws {
        await wait()
        progress.withLock { progress in
            progress.isWriting = true
            progress.error = nil
        }
        begin()
        await wait()
        if let error = progress.withLock({ $0.takeError() }) { throw stoppingError(error, after: 1) ?? error }
    }

    /// The error that stops a run after so many failures in a row; nil as long as there are fewer.
    private func stoppingError(_ error: any Error, after count: Int) -> TrainingError? {
        let failures = progress.withLock(\.failureCount)
        guard failures >= count else { return nil }
        return .cannotSave(folder: folder.path, attempts: failures, reason: "\(error)")
    }

    /// Copies what is to be written, and writes it beside training.
    @discardableResult
    private func begin() -> CheckpointNote {
        let start = ContinuousClock.now
        let checkpoint = trainer.checkpoint()
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
        try trainer.save(checkpoint, to: folder)
        if policy.count > 1 { try keep(step: checkpoint.position.steps) }
    }

    /// Gives the checkpoint in the folder a folder of its own, and removes the oldest beyond those to keep.
    private func keep(step: Int) throws {
        let history = folder.appending(path: Self.historyName)
        let digits = String(step)
        let name = Self.historyPrefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        try ModelFolder(folder).link(
            ModelFolder.names + [TrainingRecord.fileName, TrainingCheckpoint.fileName],
            to: history.appending(path: name))
        let names = try ModelFolder(history).folderNames()
        let kept = names.compactMap { name in
            name.hasPrefix(Self.historyPrefix)
                ? Int(name.dropFirst(Self.historyPrefix.count)).map { (step: $0, name: name) } : nil
        }
        for (_, name) in kept.sorted(by: { $0.step < $1.step }).dropLast(policy.count) {
            try ModelFolder(history.appending(path: name)).remove()
        }
    }
}

extension Trainer {
    /// The model after a report whose validation was the best so far; nil after others.
    fileprivate func bestModel(after report: EpochReport) throws -> LanguageModel? {
        guard report.validationPerplexity != nil, position.validation.best?.step == report.step else {
            return nil
        }
        return try languageModel()
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
    /// model folder.
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
