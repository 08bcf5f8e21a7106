import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

extension TrainingLoop {
    /// The perplexity of the held-out text, if there is any; the recurrent state is then as before.
    mutating func validationPerplexity() throws -> Double? {
        guard let source = try data.validationMinibatches() else { return nil }
        let first = try perplexity(of: source)
        if first.isFinite { return first }
        try recover()
        // The parameters to return to stay the same until there is another step.
        let second = try perplexity(of: source)
        guard second.isFinite else { throw divergence(step: position.minibatch) }
        return second
    }

    /// The perplexity of the test text, if there is any, by the current model.
    mutating func testPerplexity() throws -> Double? {
        try data.testMinibatches().map { try perplexity(of: $0) }
    }

    /// The perplexity by the model, which is the average if there is one, with the recurrent state carried throughout.
    private mutating func perplexity(of source: any MinibatchSource) throws -> Double {
        let state = try engine.state
        try engine.exchangeParametersWithAverage()
        let perplexity = Result { try evaluate(source) }
        try engine.exchangeParametersWithAverage()
        try engine.restoreState(state)
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

    private mutating func evaluate(_ source: any MinibatchSource) throws -> Double {
        let engine = engine.interpolated(with: ngrams)
        var (nats, tokens) = (0.0, 0)
        for index in 0..<source.count {
            try Task.checkCancellation()
            source.fill(&minibatch, at: index)
            let sum = try engine.evaluate(minibatch)
            guard source.counts(at: index) else { continue }
            nats += sum
            tokens += minibatch.tokenCount
        }
        return exp(nats / Double(max(tokens, 1)))
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
