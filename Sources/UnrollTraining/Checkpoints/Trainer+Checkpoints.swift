import Foundation
import Synchronization
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollModel
import UnrollText

extension Trainer {
    /// Resumes a run that `saveCheckpoint` has saved, bit for bit as if it had not been interrupted.
    ///
    /// The folder is read and stays as it is. A ``CheckpointWriter`` for the same folder goes on with the run there; one for
    /// a new folder makes a run of its own, which starts as a copy of this checkpoint, and leaves this folder alone. A
    /// resumed run that has nothing left to do says so with a notice: ``TrainingNotice/alreadyFinished(epochs:maxSteps:)`` or
    /// ``TrainingNotice/alreadyStopped(epoch:validations:)``.
    ///
    /// - Parameters:
    ///   - folder: The folder with the checkpoint: that of a run, or one of those that it keeps in `checkpoints`.
    ///   - corpus: The training text of the run, read as before.
    ///   - validation: The validation text, if it was one of its own.
    ///   - test: The test text, if it was one of its own.
    ///   - epochs: Passes over the text in all. Default: as planned.
    ///   - maxSteps: Steps in all after which the run ends in any case. Default: as planned.
    ///   - earlyStopping: When to stop before the last epoch. With more patience than before, a run that has stopped goes
    ///     on, bit for bit as if it had had that from the start; more epochs alone do not make it go on. Default: as
    ///     planned.
    ///   - engine: The engine that computes; not necessarily the one that did before. Default: the CPU, on all
    ///     processors.
    ///   - origin: Where the text is now. Default: where it was.
    ///   - cells: The program's own cells, one of which the model may have.
    ///   - group: The processes that share out the shards, not necessarily as many as before; each has a copy of the folder.
    ///     Default: this one alone.
    /// - Throws: `TrainingError.cannotResume` when there is no checkpoint or the texts are others, `FileError` when
    ///   the checkpoint is damaged, and the errors of a new run.
    public convenience init(
        resuming folder: URL, corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil,
        epochs: Int? = nil, maxSteps: Int? = nil, earlyStopping: EarlyStopping? = nil,
        engine: EngineKind = .cpu(threads: nil),
        origin: CorpusOrigin? = nil, cells: [any RecurrentCell.Type] = [],
        group: (any ProcessGroup)? = nil
    ) throws {
        var record = try TrainingRecord(of: folder)
        let modelFolder = ModelFolder(folder)
        let checkpoint = try TrainingCheckpoint(of: modelFolder)
        let model = try modelFolder.model(cells: cells)
        if let good = checkpoint.good {
            // Checked now rather than when the run has to return to them.
            _ = try LanguageModel(
                configuration: model.configuration, vocabulary: model.vocabulary, parameters: good,
                ngrams: model.ngrams)
        }
        let fingerprint = TrainingData.fingerprint(corpus, validation: validation, test: test)
        guard corpus.vocabulary == model.vocabulary, fingerprint == checkpoint.corpusFingerprint else {
            let names = [corpus, validation, test].compactMap { $0?.name }
            throw TrainingError.cannotResume(folder: folder.path, .otherText(names: names))
        }
        if let epochs {
            guard epochs >= checkpoint.position.epoch else {
                throw TrainingError.cannotResume(
                    folder: folder.path, .doneEpochs(done: checkpoint.position.epoch, requested: epochs))
            }
            record.options.epochs = epochs
        }
        if let maxSteps {
            guard maxSteps >= checkpoint.position.steps else {
                throw TrainingError.cannotResume(
                    folder: folder.path, .doneSteps(done: checkpoint.position.steps, requested: maxSteps))
            }
            record.options.maxSteps = maxSteps
        }
        if let earlyStopping { record.options.earlyStopping = earlyStopping }
        try self.init(
            corpus: corpus, validation: validation, test: test, model: model.configuration,
            options: record.options, engine: engine,
            origin: origin ?? record.corpus, group: group, checkpoint: checkpoint, ngrams: model.ngrams)
        runFolder.withLock {
            $0 = RunFolder(folder: modelFolder, kept: checkpoint.kept, resumed: checkpoint.position)
        }
    }

    /// Saves the model and everything needed to resume; a kill at any moment leaves the previous checkpoint or this one.
    ///
    /// Training stands still meanwhile; ``CheckpointWriter`` saves while it goes on.
    ///
    /// - Throws: `FileError` if the folder cannot be written, or a ``CheckpointWriter`` here or in another process writes to
    ///   it; `ModelFolderError` if it holds another model; `TrainingError.scatteredState` for a run of several processes
    ///   between two checkpoints of a writer.
    public func saveCheckpoint(to folder: URL) throws {
        let lock = FileSystem.kind(of: folder) == .folder ? try FolderLock(folder) : nil
        try withExtendedLifetime(lock) { _ = try save(try checkpoint(), to: folder) }
    }

    /// Saves a checkpoint and, beside it, further files; returns the lock on a folder that is new, if it is to be `locked`.
    @discardableResult
    func save(
        _ checkpoint: TrainingCheckpoint, with files: [String: Data] = [:], to folder: URL,
        locked: Bool = false
    ) throws -> FolderLock? {
        let modelFolder = ModelFolder(folder)
        var (checkpoint, files) = (checkpoint, files)
        checkpoint.kept = try goOn(in: modelFolder)?.kept ?? []
        files[TrainingRecord.fileName] = try TrainingRecord(options: options, corpus: origin).encoded()
        files[TrainingCheckpoint.fileName] = try checkpoint.encoded()
        try MetricsLog(folder: modelFolder).synchronize()
        return try modelFolder.save(
            try languageModel(checkpoint.learnedParameters, at: checkpoint.position.moment), with: files,
            locked: locked)
    }

    /// Adds a report to `metrics.jsonl` in a folder that has a checkpoint.
    ///
    /// Those from after the checkpoint of a run that was resumed come again, and are removed before.
    ///
    /// - Throws: `FileError` if the file cannot be written.
    public func log(_ report: EpochReport, to folder: URL) throws {
        let folder = ModelFolder(folder)
        try goOn(in: folder)
        try MetricsLog(folder: folder).append(report)
    }

    /// Prepares the folder of the run for more of it; returns nil, and does nothing, for another one.
    @discardableResult
    func goOn(in folder: ModelFolder) throws -> RunFolder? {
        try runFolder.withLock { run in
            guard run?.isSame(as: folder) == true else { return nil }
            try run?.removeLaterReports()
            return run
        }
    }
}
