import Foundation
import Unroll
import UnrollModel
import UnrollReports

/// A moment of training in a line of JSON.
struct MomentLine: Encodable {
    let epoch: Int
    let step: Int
    let validationPerplexity: Nullable<Double>

    init(_ moment: TrainingMoment) {
        epoch = moment.epoch
        step = moment.step
        validationPerplexity = Nullable(moment.validationPerplexity)
    }
}

/// A model in a folder of its own in a line of JSON.
struct SavedModelLine: Encodable {
    let folder: String
    let epoch: Nullable<Int>
    let step: Nullable<Int>
    let validationPerplexity: Nullable<Double>

    init(_ model: SavedRun.Model) {
        folder = model.name
        epoch = Nullable(model.moment?.epoch)
        step = Nullable(model.moment?.step)
        validationPerplexity = Nullable(model.moment?.validationPerplexity)
    }
}

/// What is on the disk of a run: the part that the lines of `unroll report` and `unroll info` have in common.
struct SavedLine: Encodable {
    let model: Nullable<MomentLine>
    let checkpoint: Nullable<MomentLine>
    let best: Nullable<SavedModelLine>
    let checkpoints: [SavedModelLine]
    let log: Nullable<MomentLine>

    init(_ run: SavedRun) {
        model = Nullable(run.model.map(MomentLine.init))
        checkpoint = Nullable(run.checkpoint.map(MomentLine.init))
        best = Nullable(run.best.map(SavedModelLine.init))
        checkpoints = run.kept.map(SavedModelLine.init)
        log = Nullable(run.log.map(MomentLine.init))
    }
}

/// What to know about a model before its answers are read.
enum ModelNote {
    /// Says so if nothing has been learned, as after a kill right at the beginning.
    static func say(of model: LanguageModel, in folder: String) {
        guard model.moment?.step == 0 else { return }
        Standard.error.write(
            "note: \(folder): the model is untrained; its run has not come to a checkpoint yet\n")
    }
}
