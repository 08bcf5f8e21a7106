import Foundation
import UnrollModel

/// The position of a run: with the tensors of the checkpoint, everything needed to go on bit for bit.
struct TrainingPosition: Codable, Equatable {
    /// Epochs that are done.
    var epoch = 0
    /// Minibatches of the current epoch that are done.
    var minibatch = 0
    /// The summed loss of the current epoch, in nats.
    var nats = 0.0
    /// Tokens of the current epoch.
    var tokens = 0
    /// The summed norms of the current epoch's gradients.
    var gradientNorms = 0.0
    /// Steps of the current epoch that `nats` and `gradientNorms` are sums over.
    var epochSteps = 0
    /// Steps of all epochs.
    var steps = 0
    /// Tokens of all epochs, for the speed.
    var totalTokens = 0
    /// Seconds spent in training steps.
    var seconds = 0.0
    /// The last report, for the summary of a run that is resumed at its end.
    var lastReport: EpochReport?
    /// Minibatches of the current epoch that were done at its last validation.
    var validatedMinibatch = 0
    /// The validations so far.
    var validation = ValidationHistory()
    /// The losses seen by a plateau schedule.
    var plateau = PlateauState()
    /// Whether averaging has started.
    var averages = false
    /// Whether the run has stopped before its last epoch.
    var isStopped = false
    /// The state of the guards against divergence.
    var guards = Guards()
    /// Notices that have been given.
    var noted: [TrainingNotice.Kind] = []
    /// The optimizer's counters.
    var optimizer = OptimizerCounts()

    /// The part of the guards against divergence that a resumed run needs.
    struct Guards: Codable, Equatable {
        /// Minibatches skipped since the last good parameters.
        var skips = 0
        /// How often the run has returned to good parameters.
        var recoveries = 0
        /// The step of the good parameters.
        var goodStep = 0
        /// Losses that were finite and far too large; nil before the first, and in checkpoints of old.
        var gauge: DivergenceGauge?
    }

    /// The numbers of an optimizer's state that are not tensors.
    struct OptimizerCounts: Codable, Equatable {
        var steps = 0
        var averagedSteps = 0
    }

    /// exp(nats / tokens) of the current epoch; 1 before its first minibatch.
    var perplexity: Double { tokens == 0 ? 1 : exp(nats / Double(tokens)) }

    /// The moment of training that the model is of.
    var moment: TrainingMoment {
        TrainingMoment(
            epoch: minibatch > 0 ? epoch + 1 : epoch, step: steps,
            validationPerplexity: lastReport?.step == steps ? lastReport?.validationPerplexity : nil)
    }

    /// Whether the counters are in a range from which they can go on.
    var isPossible: Bool {
        [
            epoch, minibatch, tokens, epochSteps, steps, totalTokens, validatedMinibatch, guards.skips,
            guards.recoveries, guards.goodStep, guards.gauge?.count ?? 0, optimizer.steps,
            optimizer.averagedSteps,
        ].allSatisfy { (0...1 << 60).contains($0) }
    }

    var tokensPerSecond: Double { seconds > 0 ? Double(totalTokens) / seconds : 0 }

    /// Whether a report was made before the run was here.
    func includes(_ report: EpochReport) -> Bool {
        guard report.partOfEpoch != nil, let step = report.step else { return report.epoch <= epoch }
        return step < steps || (step == steps && validatedMinibatch == minibatch)
    }

    /// Resets the sums of an epoch's reports.
    mutating func resetSums() {
        nats = 0
        tokens = 0
        gradientNorms = 0
        epochSteps = 0
    }
}
