import Foundation
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollModel
import UnrollText

extension TrainingLoop {
    /// The perplexity of the held-out text, if there is any; the recurrent state is then as before.
    mutating func validationPerplexity() throws -> Double? {
        let parts = try data.validationMinibatches()
        guard !parts.isEmpty else { return nil }
        let first = try perplexity(of: parts)
        if first.isFinite { return first }
        try recover()
        // The parameters to return to stay the same until there is another step.
        let second = try perplexity(of: parts)
        guard second.isFinite else { throw divergence(step: position.minibatch) }
        return second
    }

    /// The perplexity of the test text, if there is any, by the current model.
    mutating func testPerplexity() throws -> Double? {
        let parts = try data.testMinibatches()
        return parts.isEmpty ? nil : try perplexity(of: parts)
    }

    /// The perplexity by the model, which is the average if there is one, with the recurrent state carried throughout.
    private mutating func perplexity(of parts: [any MinibatchSource]) throws -> Double {
        // The states of shards lie apart from those of evaluation.
        let state = shards == nil ? try engine.state : nil
        try engine.exchangeParametersWithAverage()
        let perplexity = Result { try evaluate(parts) }
        try engine.exchangeParametersWithAverage()
        if let state { try engine.restoreState(state) }
        return try perplexity.get()
    }

    /// A copy of the model's parameters: their average if there is one.
    var modelParameters: ModelParameters {
        get throws {
            try engine.exchangeParametersWithAverage()
            let parameters = Result { try engine.parameters }
            try engine.exchangeParametersWithAverage()
            return try parameters.get()
        }
    }

    /// The perplexity of parts of a text, of which every process of a group judges some.
    private mutating func evaluate(_ parts: [any MinibatchSource]) throws -> Double {
        let engine = engine.interpolated(with: ngrams)
        let group = shards?.group
        let own = ShardTree(count: parts.count).shards(of: group?.rank ?? 0, of: group?.size ?? 1)
        var sums: [EvaluationSum] = []
        for index in own { sums.append(try evaluate(parts[index], by: engine)) }
        if let group { sums = try group.gather(sums).flatMap(\.self) }
        let total = sums.reduce(into: EvaluationSum()) { $0.add($1) }
        return exp(total.nats / Double(max(total.tokens, 1)))
    }

    private mutating func evaluate(
        _ source: any MinibatchSource, by engine: any Engine
    ) throws -> EvaluationSum {
        var sum = EvaluationSum()
        for index in 0..<source.count {
            // A group stops together, between two steps.
            if shards?.group == nil { try Task.checkCancellation() }
            source.fill(&minibatch, at: index)
            let nats = try engine.evaluate(minibatch)
            guard source.counts(at: index) else { continue }
            sum.add(EvaluationSum(nats: nats, tokens: minibatch.tokenCount))
        }
        return sum
    }

    /// Updates learning rate, averaging, early stopping and notices after a report.
    mutating func conclude(_ report: EpochReport) throws {
        position.lastReport = report
        noteLevel(report)
        let isWholeEpoch = report.partOfEpoch == nil
        if case .plateau(let factor, let patience, let threshold) = options.schedule.decay,
            let perplexity = report.validationPerplexity ?? (isWholeEpoch ? report.perplexity : nil),
            position.plateau.observe(
                log(perplexity), patience: patience, threshold: threshold,
                rate: Double(options.optimizer.learningRate), factor: factor)
        {
            note(.loweredRate(learningRate: learningRate))
        }
        guard let perplexity = report.validationPerplexity else { return }
        let validation = BestValidation(perplexity: perplexity, epoch: report.epoch, step: position.steps)
        let fires = position.validation.add(
            validation, minimumImprovement: options.earlyStopping?.minimumImprovement ?? 0,
            patience: options.averagingPatience)
        if position.validation.best == validation { best = try modelParameters }
        if fires, !position.averages {
            position.averages = true
            note(.beganAveraging(epoch: report.epoch))
        }
        guard let best = position.validation.best else { return }
        let count = position.validation.countSinceImprovement
        if Self.isStop(due: options.earlyStopping, at: position) {
            position.isStopped = true
            note(.stoppedEarly(validations: count, best: best))
        } else {
            noteOverfitting(perplexity, count: count, best: best)
        }
    }

    /// Whether the validations so far end a run early.
    static func isStop(due stopping: EarlyStopping?, at position: TrainingPosition) -> Bool {
        guard let stopping else { return false }
        return position.validation.countSinceImprovement >= stopping.patience
            && position.epoch >= stopping.minimumEpochs
    }
}

/// What was found in a part of a text.
private struct EvaluationSum: BitwiseCopyable {
    /// The summed loss, in nats.
    var nats = 0.0
    /// The tokens that it is of.
    var tokens = 0

    mutating func add(_ other: EvaluationSum) {
        nats += other.nats
        tokens += other.tokens
    }
}

/// The best validation of a run so far.
public struct BestValidation: Sendable, Equatable, Codable {
    /// The perplexity of the held-out text.
    public var perplexity: Double
    /// The epoch, counted from 1.
    public var epoch: Int
    /// Steps of training at that point.
    public var step: Int

    package init(perplexity: Double, epoch: Int, step: Int) {
        self.perplexity = perplexity
        self.epoch = epoch
        self.step = step
    }

    /// The moment of training that the best model is of.
    var moment: TrainingMoment {
        TrainingMoment(epoch: epoch, step: step, validationPerplexity: perplexity)
    }
}

/// The validations of a run so far, as far as they decide how it goes on.
package struct ValidationHistory: Codable, Equatable {
    /// The best so far.
    package private(set) var best: BestValidation?
    /// Validations since the last improvement that was large enough to count.
    package private(set) var countSinceImprovement = 0
    /// The perplexity that an improvement must be below.
    private var reference: Double?
    /// The last perplexities, oldest first, as many as the trigger of averaging looks back over.
    private var recent: [Double] = []
    /// The lowest of those before.
    private var earlier: Double?

    package init() {}

    /// Adds a validation; returns whether it fires the non-monotone trigger over the last `patience` ones.
    package mutating func add(
        _ validation: BestValidation, minimumImprovement: Double, patience: Int?
    ) -> Bool {
        let perplexity = validation.perplexity
        if best.map({ perplexity < $0.perplexity }) ?? true { best = validation }
        if reference.map({ perplexity < $0 * (1 - minimumImprovement) }) ?? true {
            reference = perplexity
            countSinceImprovement = 0
        } else {
            countSinceImprovement += 1
        }
        guard let patience else { return false }
        let fires = earlier.map { perplexity > $0 } ?? false
        recent.append(perplexity)
        if recent.count > patience { earlier = min(earlier ?? .infinity, recent.removeFirst()) }
        return fires
    }
}
