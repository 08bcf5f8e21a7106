import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

extension Trainer {
    /// Resumes a run that `saveCheckpoint` has saved, bit for bit as if it had not been interrupted.
    ///
    /// - Parameters:
    ///   - folder: The folder with the checkpoint.
    ///   - corpus: The training text of the run, read as before.
    ///   - validation: The validation text, if it was one of its own.
    ///   - test: The test text, if it was one of its own.
    ///   - epochs: Passes over the text in all. Default: as planned.
    ///   - engine: The engine that computes. Default: the CPU, on all processors.
    ///   - origin: Where the text is now. Default: where it was.
    ///   - cells: The program's own cells, one of which the model may have.
    /// - Throws: `TrainingError.cannotResume` when there is no checkpoint or the texts are others, `FileError` when
    ///   the checkpoint is damaged, and the errors of a new run.
    public convenience init(
        resuming folder: URL, corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil,
        epochs: Int? = nil, engine: EngineKind = .cpu(threads: nil),
        origin: CorpusOrigin? = nil, cells: [any RecurrentCell.Type] = []
    ) throws {
        var record = try TrainingRecord(of: folder)
        let modelFolder = ModelFolder(folder)
        let checkpoint = try TrainingCheckpoint(of: modelFolder)
        let model = try modelFolder.model(cells: cells)
        if let good = checkpoint.good {
            // Checked now rather than when the run has to return to them.
            _ = try LanguageModel(
                configuration: model.configuration, vocabulary: model.vocabulary, parameters: good)
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
        try self.init(
            corpus: corpus, validation: validation, test: test, model: model.configuration,
            options: record.options, engine: engine,
            origin: origin ?? record.corpus, checkpoint: checkpoint)
        try MetricsLog(folder: modelFolder).removeReports(after: checkpoint.position)
    }

    /// Saves the model and everything needed to resume; a kill at any moment leaves the previous checkpoint or this one.
    ///
    /// Training stands still meanwhile; ``CheckpointWriter`` saves while it goes on.
    ///
    /// - Throws: `FileError` if the folder holds another model or cannot be written.
    public func saveCheckpoint(to folder: URL) throws {
        try save(checkpoint(), to: folder)
    }

    func save(_ checkpoint: TrainingCheckpoint, to folder: URL) throws {
        let modelFolder = ModelFolder(folder)
        try MetricsLog(folder: modelFolder).synchronize()
        try modelFolder.save(
            try languageModel(checkpoint.learnedParameters),
            with: [
                TrainingRecord.fileName: try TrainingRecord(options: options, corpus: origin).encoded(),
                TrainingCheckpoint.fileName: try checkpoint.encoded(),
            ])
    }

    /// Adds a report to `metrics.jsonl` in a folder that has a checkpoint.
    ///
    /// - Throws: `FileError` if the file cannot be written.
    public func log(_ report: EpochReport, to folder: URL) throws {
        try MetricsLog(folder: ModelFolder(folder)).append(report)
    }
}
