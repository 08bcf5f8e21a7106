import Foundation
import UnrollEngine
import UnrollModel
import UnrollText

/// Guards against non-finite losses, so that the first does not end a run.
extension TrainingLoop {
    /// Minibatches that may be skipped, consecutive or not, before the run returns to good parameters.
    private static let skipLimit = 10
    /// Steps between the parameters that are kept to return to.
    ///
    /// Steps and not seconds, because a resumed run must return to the same ones.
    private static let goodInterval = 500

    /// Skips a minibatch whose loss or gradient is not finite; the engine has left parameters and state alone.
    mutating func skipMinibatch() throws {
        guard good != nil else { throw divergence(minibatch: position.minibatch + 1) }
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
            throw divergence(minibatch: position.minibatch)
        }
        engine = try makeEngine(good)
        position.guards.recoveries += 1
        position.guards.skips = 0
        note(
            .recovered(
                epoch: position.epoch + 1, minibatch: position.minibatch, goodStep: position.guards.goodStep,
                learningRate: learningRate, remaining: options.maxRecoveries - position.guards.recoveries))
    }

    /// Keeps the parameters to return to, now and then, unless the loss is far above that of random tokens.
    mutating func keepParameters(ifGood loss: Double) {
        guard good != nil, position.steps - position.guards.goodStep >= Self.goodInterval,
            loss <= 2 * log(Double(engine.vocabularySize))
        else { return }
        good = engine.parameters
        position.guards.goodStep = position.steps
        position.guards.skips = 0
    }

    /// Steps until parameters may be kept again; nil if none are.
    var stepsUntilParametersAreKept: Int? {
        good == nil ? nil : Self.goodInterval - (position.steps - position.guards.goodStep)
    }

    private func divergence(minibatch: Int) -> TrainingError {
        .diverged(epoch: position.epoch + 1, step: minibatch, learningRate: learningRate)
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
            noteOnce(.moreParametersThanTokens(parameters: parameterCount, tokens: tokens))
        }
    }

    /// Notes, after enough steps, that the model does no better than the tokens' frequencies.
    mutating func noteLevel(_ report: EpochReport) {
        guard position.steps >= Self.stepsToLearn, !position.noted.contains(.learnsNothing) else { return }
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
