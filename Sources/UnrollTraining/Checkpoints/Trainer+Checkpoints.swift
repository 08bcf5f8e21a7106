import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

extension Trainer {
    /// Goes on with a run that `saveCheckpoint` has saved: in every bit as if it had not been interrupted.
    ///
    /// - Parameters:
    ///   - folder: The folder with the checkpoint.
    ///   - corpus: The text of the run, read as before.
    ///   - validation: The text to validate on, if it was one of its own.
    ///   - test: The text to test on, if it was one of its own.
    ///   - epochs: Passes over the text in all; as planned at the beginning unless said otherwise.
    ///   - engine: What computes.
    ///   - origin: Where the text is now; where it was unless said otherwise.
    ///   - cells: The program's own cells, by whose names models may have been saved.
    /// - Throws: `TrainingError` when the checkpoint is not whole or the text is another one.
    public convenience init(
        resuming folder: URL, corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil,
        epochs: Int? = nil, engine: EngineChoice = .cpu(threads: nil),
        origin: CorpusOrigin? = nil, cells: [any RecurrentCell.Type] = []
    ) throws {
        var record = try TrainingRecord(of: folder)
        let modelFolder = ModelFolder(folder)
        let checkpoint = try TrainingCheckpoint(of: modelFolder)
        let model: LanguageModel
        do {
            model = try modelFolder.model(cells: cells)
        } catch {
            throw TrainingError.storage(error)
        }
        if let good = checkpoint.good {
            do {
                // Found out now, and not when the run has to go back to them.
                _ = try LanguageModel(
                    configuration: model.configuration, vocabulary: model.vocabulary, parameters: good)
            } catch {
                throw TrainingError.engine(error)
            }
        }
        let fingerprint = TrainingData.fingerprint(corpus, validation: validation, test: test)
        guard corpus.vocabulary == model.vocabulary, fingerprint == checkpoint.corpusFingerprint else {
            let names = [corpus, validation, test].compactMap { $0.map { "'\($0.name)'" } }
            throw TrainingError.cannotResume(
                folder: folder.path,
                reason: names.count == 1
                    ? "\(names[0]) is not the text that the run began with; give that one"
                    : "\(names.joined(separator: ", ")) are not the texts that the run began with; give those"
            )
        }
        if let epochs {
            guard epochs >= checkpoint.position.epoch else {
                throw TrainingError.cannotResume(
                    folder: folder.path,
                    reason:
                        "it has done \(checkpoint.position.epoch) epochs already; leave out --epochs \(epochs) or give more"
                )
            }
            record.options.epochs = epochs
        }
        try self.init(
            corpus: corpus, validation: validation, test: test, model: model.configuration,
            options: record.options, engine: engine,
            origin: origin ?? record.corpus, checkpoint: checkpoint)
        try MetricsLog(folder: modelFolder).removeReports(after: checkpoint.position)
    }

    /// Saves the model and all that it takes to go on; a kill at any moment leaves the previous checkpoint or this one.
    ///
    /// Training stands still meanwhile; ``CheckpointWriter`` saves while it goes on.
    public func saveCheckpoint(to folder: URL) throws(TrainingError) {
        try save(checkpoint(), to: folder)
    }

    func save(_ checkpoint: TrainingCheckpoint, to folder: URL) throws(TrainingError) {
        do {
            let modelFolder = ModelFolder(folder)
            try MetricsLog(folder: modelFolder).synchronize()
            try modelFolder.save(
                try languageModel(checkpoint.learnedParameters),
                with: [
                    TrainingRecord.fileName: try TrainingRecord(options: options, corpus: origin).encoded(),
                    TrainingCheckpoint.fileName: try checkpoint.encoded(),
                ])
        } catch let error as any UnrollError {
            throw .storage(error)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw .storage(FileError.unwritable(path: folder.path, reason: "\(error)"))
        }
    }

    /// Adds a report to `metrics.jsonl` in a folder that has a checkpoint.
    public func log(_ report: EpochReport, to folder: URL) throws(TrainingError) {
        try MetricsLog(folder: ModelFolder(folder)).append(report)
    }
}
