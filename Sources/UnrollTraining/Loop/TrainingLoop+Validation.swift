import Foundation
import UnrollBase
import UnrollEngine
import UnrollText

extension TrainingLoop {
    /// The perplexity of the held-out text, if there is any; the recurrent state is afterwards what it was before.
    mutating func validationPerplexity() throws -> Double? {
        guard let source = try data.validationMinibatches() else { return nil }
        while true {
            let perplexity = try perplexity(of: source)
            if perplexity.isFinite { return perplexity }
            try recover()
        }
    }

    /// The perplexity of the text to test on, if there is any, by the model as it is now.
    mutating func testPerplexity() throws -> Double? {
        try data.testMinibatches().map { try perplexity(of: $0) }
    }

    /// The perplexity by the model, an average if there is one, with the recurrent state carried throughout.
    private mutating func perplexity(of source: any MinibatchSource) throws -> Double {
        let state = engine.state
        engine.exchangeParametersWithAverage()
        let perplexity = Result { try evaluate(source) }
        engine.exchangeParametersWithAverage()
        try engine.restoreState(state)
        return try perplexity.get()
    }

    private mutating func evaluate(_ source: any MinibatchSource) throws -> Double {
        var (nats, tokens) = (0.0, 0)
        for index in 0..<source.count {
            try Task.checkCancellation()
            source.fill(&minibatch, at: index)
            nats += try engine.evaluate(minibatch)
            tokens += minibatch.tokenCount
        }
        return exp(nats / Double(max(tokens, 1)))
    }

    /// Draws the conclusions from a report: rate, averaging, early stopping, and what is to be noted.
    mutating func conclude(_ report: EpochReport) {
        position.lastReport = report
        noteLevel(report)
        let isWholeEpoch = report.partOfEpoch == nil
        if case .plateau(_, let patience, let threshold) = options.schedule.decay,
            let perplexity = report.validationPerplexity ?? (isWholeEpoch ? report.perplexity : nil),
            position.plateau.observe(log(perplexity), patience: patience, threshold: threshold)
        {
            note(.loweredRate(learningRate: learningRate))
        }
        guard let perplexity = report.validationPerplexity else { return }
        let validation = BestValidation(perplexity: perplexity, epoch: report.epoch, step: position.steps)
        let fires = position.validation.add(
            validation, minimumImprovement: options.earlyStopping?.minimumImprovement ?? 0,
            trigger: options.averagingTrigger)
        if fires, !position.averages {
            position.averages = true
            note(.beganAveraging(epoch: report.epoch))
        }
        guard let best = position.validation.best else { return }
        let count = position.validation.countSinceImprovement
        if let stopping = options.earlyStopping, count >= stopping.patience,
            position.epoch >= stopping.minimumEpochs
        {
            position.isStopped = true
            note(.stoppedEarly(validations: count, best: best))
        } else {
            noteOverfitting(perplexity, count: count, best: best)
        }
    }
}
