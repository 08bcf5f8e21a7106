import Foundation
import UnrollBase

/// Something about a run that is worth knowing, reported once; what stops a run is an error instead.
public enum TrainingNotice: Sendable, Equatable, CustomStringConvertible {
    /// The loss or the gradient of a minibatch was not finite; the minibatch was skipped.
    case skippedMinibatch(epoch: Int, minibatch: Int)
    /// The loss was not finite; training goes on from earlier parameters, at half the learning rate.
    case recovered(epoch: Int, minibatch: Int, goodStep: Int, learningRate: Float, remaining: Int)
    /// A plateau schedule has lowered the learning rate.
    case loweredRate(learningRate: Float)
    /// Averaging of the parameters has started.
    case beganAveraging(epoch: Int)
    /// The run stops before its last epoch.
    case stoppedEarly(validations: Int, best: BestValidation)
    /// Validation has been getting worse for a while.
    case overfitting(validations: Int, perplexity: Double, best: BestValidation)
    /// The model predicts no better than tokens drawn uniformly, or by their frequencies.
    case learnsNothing(perplexity: Double, unigramPerplexity: Double, uniformPerplexity: Double)
    /// The model is large enough to memorize the text.
    case moreParametersThanTokens(parameters: Int, tokens: Int)

    /// The kind of a notice.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case skippedMinibatch, recovered, loweredRate, beganAveraging, stoppedEarly, overfitting,
            learnsNothing,
            moreParametersThanTokens
    }

    /// The notice's kind.
    public var kind: Kind {
        switch self {
        case .skippedMinibatch: .skippedMinibatch
        case .recovered: .recovered
        case .loweredRate: .loweredRate
        case .beganAveraging: .beganAveraging
        case .stoppedEarly: .stoppedEarly
        case .overfitting: .overfitting
        case .learnsNothing: .learnsNothing
        case .moreParametersThanTokens: .moreParametersThanTokens
        }
    }

    /// One line that says what is the case and what to do about it.
    public var description: String {
        switch self {
        case .skippedMinibatch(let epoch, let minibatch):
            "epoch \(epoch), minibatch \(minibatch): the loss or its gradient is not finite; skipped"
        case .recovered(let epoch, let minibatch, let goodStep, let learningRate, let remaining):
            "epoch \(epoch), minibatch \(minibatch): the loss is not finite, or far too large; going on from "
                + "the parameters of step \(goodStep) at half the learning rate, \(learningRate)"
                + (remaining == 0
                    ? "; the next time is an error"
                    : ", \(remaining) more \(remaining == 1 ? "time" : "times") at most")
        case .loweredRate(let learningRate):
            "no improvement for a while; the learning rate is now \(learningRate)"
        case .beganAveraging(let epoch):
            "epoch \(epoch): validation no longer improves; from here on the model is the mean of the parameters"
        case .stoppedEarly(let validations, let best):
            "stopped: no improvement in \(validations) \(validations == 1 ? "validation" : "validations"); the best "
                + "was \(Self.number(best.perplexity)) in epoch \(best.epoch)"
        case .overfitting(let validations, let perplexity, let best):
            "overfitting: the held-out text's perplexity, now \(Self.number(perplexity)), was "
                + "\(Self.number(best.perplexity)) in epoch \(best.epoch), \(validations) validations ago; stop early, "
                + "use dropout or weight decay, a smaller model or more text"
        case .learnsNothing(let perplexity, let unigram, let uniform):
            perplexity >= 0.99 * uniform
                ? "nothing is learned: the perplexity, \(Self.number(perplexity)), is that of tokens drawn at random "
                    + "(\(Self.number(uniform))); try another learning rate"
                : "little is learned: the perplexity, \(Self.number(perplexity)), is no better than that of tokens drawn "
                    + "by their frequencies (\(Self.number(unigram))); give it time, or try another learning rate"
        case .moreParametersThanTokens(let parameters, let tokens):
            "the model has more parameters (\(parameters)) than the text has tokens (\(tokens)), so it can "
                + "memorize it; hold some text out to see when it does"
        }
    }

    private static func number(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 2) }
}
