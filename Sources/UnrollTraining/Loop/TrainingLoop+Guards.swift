import Foundation
import UnrollEngine
import UnrollModel
import UnrollText

/// Guards against losses that are not finite, or far too large for long, so that the first does not end a run.
extension TrainingLoop {
    /// Minibatches that may be skipped, consecutive or not, before the run returns to good parameters.
    private static let skipLimit = 10
    /// Steps between the parameters that are kept to return to.
    ///
    /// Steps and not seconds, because a resumed run must return to the same ones.
    private static let goodInterval = 500

    /// Whether a finite loss shows that training has diverged.
    mutating func hasDiverged(_ loss: Double) -> Bool {
        // The sum may be finite and its exponential not: no training leads back from there.
        guard position.perplexity.isFinite else { return true }
        var gauge = position.guards.gauge ?? DivergenceGauge()
        let hasDiverged = gauge.observe(loss, vocabularySize: engine.vocabularySize)
        position.guards.gauge = gauge == DivergenceGauge() ? nil : gauge
        return hasDiverged
    }

    /// Skips a minibatch whose loss or gradient is not finite; the engine has left parameters and state alone.
    mutating func skipMinibatch() throws {
        guard good != nil else { throw divergence(step: position.minibatch + 1) }
        position.minibatch += 1
        position.guards.skips += 1
        note(.skippedMinibatch(epoch: position.epoch + 1, minibatch: position.minibatch))
        if position.guards.skips > Self.skipLimit { try recover() }
    }

    /// Returns to the last good parameters, with a fresh optimizer at half the learning rate.
    ///
    /// The position in the text stays, so that no epoch is reported twice.
    ///
    /// - Throws: `TrainingError.diverged` when that has been done as often as it may.
    mutating func recover() throws {
        guard let good, position.guards.recoveries < options.maxRecoveries else {
            throw divergence(step: position.minibatch)
        }
        engine = try makeEngine(good)
        collection.collect(NamedTensors())
        position.guards.recoveries += 1
        position.guards.skips = 0
        position.guards.gauge = nil
        note(
            .recovered(
                epoch: position.epoch + 1, minibatch: position.minibatch, goodStep: position.guards.goodStep,
                learningRate: learningRate, remaining: options.maxRecoveries - position.guards.recoveries))
    }

    /// Keeps the parameters to return to, now and then, unless the loss is far above that of tokens drawn at random.
    mutating func keepParameters(ifGood loss: Double) throws {
        guard good != nil, position.steps - position.guards.goodStep >= Self.goodInterval,
            loss <= DivergenceGauge.highestLoss(vocabularySize: engine.vocabularySize)
        else { return }
        good = try engine.parameters
        position.guards.goodStep = position.steps
        position.guards.skips = 0
    }

    /// Steps until parameters may be kept again; nil if none are.
    var stepsUntilParametersAreKept: Int? {
        good == nil ? nil : Self.goodInterval - (position.steps - position.guards.goodStep)
    }

    /// The error of a step of the current epoch, or of the last one where the run is at its end.
    func divergence(step: Int) -> TrainingError {
        .diverged(epoch: min(position.epoch + 1, options.epochs), step: step, learningRate: learningRate)
    }
}

/// Notices, each given once.
extension TrainingLoop {
    /// Steps before which the loss says little.
    private static let stepsToLearn = 500
    /// Tokens at the start of the text whose frequencies are counted.
    private static let countedTokens = 1_000_000
    /// Validations worse than the best, and the fraction by which, that mean overfitting.
    private static let overfittingCount = 5
    private static let overfittingShare = 0.01

    private mutating func noteOnce(_ notice: TrainingNotice) {
        guard !position.noted.contains(notice.kind) else { return }
        position.noted.append(notice.kind)
        note(notice)
    }

    mutating func noteSize() {
        let tokens = data.parts.training.tokens.count
        if parameterCount > tokens {
            noteOnce(
                .moreParametersThanTokens(
                    parameters: parameterCount, tokens: tokens, isHeldOut: data.validationTokenCount > 0))
        }
    }

    /// Notes, before a resumed run, that it has nothing left to do.
    mutating func noteEnd() {
        if position.isStopped {
            let count = position.validation.countSinceImprovement
            note(.alreadyStopped(epoch: position.lastReport?.epoch ?? position.epoch, validations: count))
        } else if isComplete {
            let hasAllEpochs = position.epoch >= options.epochs
            note(
                .alreadyFinished(
                    epochs: position.moment.epoch, maxSteps: hasAllEpochs ? nil : options.maxSteps))
        }
    }

    /// Notes the options that the run is too short for.
    mutating func noteOptions() {
        let ofEpochs = options.epochs.multipliedReportingOverflow(by: minibatches.count)
        let steps = min(ofEpochs.overflow ? .max : ofEpochs.partialValue, options.maxSteps ?? .max)
        let warmUp = options.schedule.warmUpSteps
        if warmUp > 1, warmUp >= steps {
            let count = minibatches.count
            let last = LearningRateSchedule.Moment(
                epoch: (steps - 1) / count, minibatch: (steps - 1) % count, minibatches: count,
                epochs: options.epochs, maxSteps: options.maxSteps)
            let rate = options.schedule.rate(from: Double(options.optimizer.learningRate), at: last)
            noteOnce(
                .warmUpOutlastsRun(
                    warmUpSteps: warmUp, steps: steps, learningRate: Float(rate)))
        }
        guard !position.noted.contains(.withoutEffect) else { return }
        for (parameter, value) in options.epochCounts where value >= options.epochs {
            let epochs = options.epochs == 1 ? "1 epoch" : "\(options.epochs) epochs"
            note(.withoutEffect(parameter: parameter, value: value, reason: "the run has \(epochs)"))
            position.noted.append(.withoutEffect)
        }
        if let value = options.validationSteps, value >= minibatches.count {
            let count = minibatches.count == 1 ? "1 minibatch" : "\(minibatches.count) minibatches"
            note(.withoutEffect(parameter: "validationSteps", value: value, reason: "an epoch has \(count)"))
            position.noted.append(.withoutEffect)
        }
    }

    /// Notes, after enough steps, that the model does no better than the tokens' frequencies; at the end of a run, be it
    /// short, also that it is far worse than random.
    mutating func noteLevel(_ report: EpochReport) {
        let isFarWorse =
            log(report.perplexity) > DivergenceGauge.highestLoss(vocabularySize: engine.vocabularySize)
        guard position.steps >= Self.stepsToLearn || (isComplete && isFarWorse),
            !position.noted.contains(.learnsNothing)
        else { return }
        let unigram = unigramPerplexity ?? countTokens()
        unigramPerplexity = unigram
        guard report.perplexity >= 0.99 * unigram else { return }
        noteOnce(
            .learnsNothing(
                perplexity: report.perplexity, unigramPerplexity: unigram,
                uniformPerplexity: Double(engine.vocabularySize)))
    }

    mutating func noteOverfitting(_ perplexity: Double, count: Int, best: BestValidation) {
        guard count >= Self.overfittingCount, perplexity > best.perplexity * (1 + Self.overfittingShare)
        else { return }
        noteOnce(.overfitting(validations: count, perplexity: perplexity, best: best))
    }

    /// The perplexity of tokens drawn by their frequencies in the text, or in its start if it is long.
    private func countTokens() -> Double {
        var counts = [Int](repeating: 0, count: engine.vocabularySize)
        let tokens = data.parts.training.tokens.prefix(Self.countedTokens)
        // Ids from a damaged cache are reported by the engine, which checks every minibatch.
        for token in tokens where counts.indices.contains(Int(token)) { counts[Int(token)] += 1 }
        let nats = counts.reduce(0.0) { sum, count in
            let share = Double(count) / Double(tokens.count)
            return share > 0 ? sum - share * log(share) : sum
        }
        return exp(nats)
    }
}
