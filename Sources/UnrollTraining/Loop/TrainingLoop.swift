import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The loop itself: each call of `next` trains until there is something to report.
struct TrainingLoop {
    /// Makes an engine that starts from these parameters.
    typealias EngineMaker = @Sendable (ModelParameters) throws -> any Engine

    var engine: any Engine
    /// The engine, if it trains in shards.
    var shards: ShardedEngine? { engine as? ShardedEngine }
    /// What a group of processes has collected.
    var collection: StateCollection
    /// Why this engine was chosen; nil if there was no choice, or nothing to say.
    let reason: String?
    let makeEngine: EngineMaker
    /// The n-gram model that predicts beside the network; nil for the network alone.
    let ngrams: NGramModel?
    let data: TrainingData
    let options: TrainingOptions
    var position: TrainingPosition
    /// The parameters to return to after divergence; nil if the run may not return.
    var good: ModelParameters?
    /// The model's parameters at the best validation of this part of the run; nil before there is one.
    var best: ModelParameters?
    /// The perplexity of tokens drawn by their frequencies; nil until it is needed.
    var unigramPerplexity: Double?
    /// The minibatches of the current epoch.
    private(set) var minibatches: any MinibatchSource
    /// A minibatch of evaluation.
    var minibatch = Minibatch()
    /// The steps that the engine is asked for at once; their minibatches keep their memory.
    var steps: [TrainingStep] = []
    /// Notices that are still to be returned as events.
    private var notices: [TrainingNotice] = []
    private var stage = Stage.starting
    /// Tokens and seconds of this part of the run, for the reported speed.
    var runTokens = 0
    var runSeconds = 0.0
    /// When progress was last reported.
    ///
    /// Not reset between epochs, which may be shorter than the interval.
    private var lastProgress = ContinuousClock.now

    private enum Stage {
        case starting
        case training
        case finished
    }

    /// Seconds between reports of progress.
    static let reportInterval = 0.1

    /// A loop that starts, or goes on from the checkpoint that the engine has been made from.
    init(
        engine: any Engine, reason: String?, makeEngine: @escaping EngineMaker, ngrams: NGramModel?,
        data: TrainingData, options: TrainingOptions, checkpoint: TrainingCheckpoint?
    ) throws {
        self.engine = engine
        self.reason = reason
        self.makeEngine = makeEngine
        self.ngrams = ngrams
        self.data = data
        self.options = options
        position = checkpoint?.position ?? TrainingPosition()
        // More patience than before lets a run go on that had stopped.
        position.isStopped = position.isStopped && Self.isStop(due: options.earlyStopping, at: position)
        collection = StateCollection(checkpoint?.state ?? NamedTensors())
        if options.maxRecoveries > 0 { good = try checkpoint?.good ?? engine.parameters }
        minibatches = try data.minibatches(epoch: position.epoch)
    }

    /// Trains until the next event; nil after the last.
    ///
    /// After any error the loop is between two steps, and can be saved or go on.
    mutating func next() throws -> TrainingEvent? {
        if !notices.isEmpty { return .notice(notices.removeFirst()) }
        switch stage {
        case .starting:
            stage = .training
            noteSize()
            noteEnd()
            noteOptions()
            return .started(outline)
        case .finished:
            return nil
        case .training:
            if position.isStopped || (isComplete && isReported) {
                // Where no epoch has a result, there is nothing to sum up.
                guard position.lastReport != nil else { throw divergence(step: minibatches.count) }
                let summary = try summary()
                try collectState()
                stage = .finished
                return .finished(summary)
            }
        }
        while true {
            try checkCancellation()
            if isValidationDue { return .validation(try reportInsideEpoch()) }
            guard position.minibatch < minibatches.count else {
                guard position.tokens > 0 else {
                    try passEpoch()
                    return try next()
                }
                return .epoch(try endEpoch())
            }
            if isComplete, position.tokens > 0 { return .epoch(try reportInsideEpoch()) }
            try trainRun()
            let isCollected = try collectStateIfAsked()
            if !notices.isEmpty { return .notice(notices.removeFirst()) }
            if isCollected || lastProgress.duration(to: .now) >= .seconds(Self.reportInterval) {
                lastProgress = .now
                return .progress(progress)
            }
        }
    }

    /// Adds a notice that becomes an event after this one.
    mutating func note(_ notice: TrainingNotice) {
        notices.append(notice)
    }

    /// The learning rate of the next step.
    var learningRate: Float { learningRate(minibatch: position.minibatch) }

    /// The learning rate of a minibatch of the current epoch.
    func learningRate(minibatch: Int) -> Float {
        let moment = LearningRateSchedule.Moment(
            epoch: position.epoch, minibatch: minibatch, minibatches: minibatches.count,
            epochs: options.epochs, maxSteps: options.maxSteps, reductions: position.plateau.reductions)
        let rate = options.schedule.rate(from: Double(options.optimizer.learningRate), at: moment)
        return Float(rate * pow(0.5, Double(position.guards.recoveries)))
    }

    private mutating func endEpoch() throws -> EpochReport {
        let report = report(validation: try validationPerplexity(), partOfEpoch: nil)
        try beginNextEpoch()
        try conclude(report)
        return report
    }

    /// Goes on after an epoch without a result: its minibatches were skipped, or its last led to a recovery.
    private mutating func passEpoch() throws {
        // The same parameters would skip the same minibatches again.
        if position.guards.skips > 0 { try recover() }
        try beginNextEpoch()
    }

    private mutating func beginNextEpoch() throws {
        position.epoch += 1
        position.minibatch = 0
        position.validatedMinibatch = 0
        position.resetSums()
        minibatches = try data.minibatches(epoch: position.epoch)
    }

    /// Whether all epochs or all steps are done.
    var isComplete: Bool {
        position.epoch >= options.epochs || options.maxSteps.map { position.steps >= $0 } ?? false
    }

    /// Whether there is a report of where the run is; at the end of an epoch there always is.
    private var isReported: Bool { position.minibatch == 0 || position.lastReport?.step == position.steps }

    private var isValidationDue: Bool {
        guard let steps = options.validationSteps, !isComplete else { return false }
        return position.tokens > 0 && position.minibatch < minibatches.count
            && position.minibatch - position.validatedMinibatch >= steps
    }

    private mutating func reportInsideEpoch() throws -> EpochReport {
        let perplexity = try validationPerplexity()
        position.validatedMinibatch = position.minibatch
        let report = report(
            validation: perplexity, partOfEpoch: Double(position.minibatch) / Double(minibatches.count))
        try conclude(report)
        return report
    }
}
