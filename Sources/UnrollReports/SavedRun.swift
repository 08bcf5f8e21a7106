import Foundation
import UnrollBase
import UnrollModel
import UnrollTraining

/// The models that the folder of a run holds, and how far its log goes beyond them.
package struct SavedRun: Sendable, Equatable {
    /// A model in a folder of its own.
    package struct Model: Sendable, Equatable {
        /// The name of the folder, such as "best" or "checkpoints/step-000120".
        package let name: String
        /// The moment of training that it is of; nil if it does not say.
        package let moment: TrainingMoment?
    }

    /// The moment of the model in the folder itself; nil if it does not say, or there is none.
    package let model: TrainingMoment?
    /// The moment of the checkpoint, from which the run can be resumed; nil if there is none.
    package let checkpoint: TrainingMoment?
    /// The model that predicted the held-out text best; nil if there is none.
    package let best: Model?
    /// The checkpoints that are kept, the earliest first.
    package let kept: [Model]
    /// The moment of the last line of the log; nil without a log.
    package let log: TrainingMoment?

    /// Looks at the folder of a run.
    package init(of url: URL) {
        let metrics = try? JSONLines<EpochMetrics>(
            contentsOf: url.appending(path: EpochMetrics.fileName))
        self.init(of: ModelFolder(url), metrics: metrics?.elements ?? [])
    }

    init(of folder: ModelFolder, metrics: [EpochMetrics]) {
        func model(_ name: String) -> Model? {
            let folder = ModelFolder(folder.url(of: name))
            return folder.holdsModel ? Model(name: name, moment: folder.moment) : nil
        }
        self.model = folder.moment
        checkpoint = TrainingCheckpoint.moment(of: folder)
        best = model(CheckpointWriter.bestName)
        let history = CheckpointWriter.historyName
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.url(of: history).path)) ?? []
        kept = names.filter { !$0.hasPrefix(".") }.compactMap { model("\(history)/\($0)") }
            .sorted { ($0.moment?.step ?? 0, $0.name) < ($1.moment?.step ?? 0, $1.name) }
        log = metrics.last?.moment
    }

    /// The last moment that the folder has a model or a checkpoint of; nil if that is not known.
    package var last: TrainingMoment? {
        [model, checkpoint].compactMap(\.self).max { $0.step < $1.step }
    }

    /// Whether what a line of the log reports is part of the model or the checkpoint; true if that is not known.
    func includes(_ line: EpochMetrics) -> Bool {
        guard let last else { return true }
        return line.step.map { $0 <= last.step } ?? (line.epoch <= last.epoch)
    }

    /// What was learned after the last model, in a sentence; nil if nothing was, or that is not known.
    package var loss: String? {
        guard let last, let log, log.step > last.step else { return nil }
        let model =
            last.step == 0 ? "the saved model is untrained" : "the saved model is of epoch \(last.epoch)"
        return "the log goes to epoch \(log.epoch), but \(model): what was learned after it is lost, "
            + "unless the run is still going on"
    }
}

extension EpochMetrics {
    /// The moment of training of the line; nil if it does not say its step.
    var moment: TrainingMoment? {
        step.map { TrainingMoment(epoch: epoch, step: $0, validationPerplexity: validationPerplexity) }
    }
}
