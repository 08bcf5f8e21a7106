import Foundation
import UnrollBase

/// What somebody who trains should know, said once when it shows; what could not go on is an error instead.
public enum TrainingNotice: Sendable, Equatable, CustomStringConvertible {
    /// Loss or gradient of a minibatch were no numbers; it was left out.
    case skippedMinibatch(epoch: Int, minibatch: Int)
    /// The loss ceased to be a number; training goes on from earlier parameters, at a lower rate.
    case recovered(epoch: Int, minibatch: Int, goodStep: Int, learningRate: Float, remaining: Int)
    /// A plateau has lowered the learning rate.
    case loweredRate(learningRate: Float)
    /// The trigger of averaging has fired.
    case beganAveraging(epoch: Int)
    /// The run ends before its last epoch.
    case stoppedEarly(validations: Int, best: BestValidation)
    /// The held-out text has been predicted worse for a while.
    case overfitting(validations: Int, perplexity: Double, best: BestValidation)
    /// The model predicts no better than if all tokens were equally frequent, or than by their frequencies alone.
    case learnsNothing(perplexity: Double, unigramPerplexity: Double, uniformPerplexity: Double)
    /// The model could remember the text.
    case moreParametersThanTokens(parameters: Int, tokens: Int)

    /// What a notice is about.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case skippedMinibatch, recovered, loweredRate, beganAveraging, stoppedEarly, overfitting,
            learnsNothing,
            moreParametersThanTokens
    }

    /// What it is about.
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

    /// One line that says what is the case and what can be done about it.
    public var description: String {
        switch self {
        case .skippedMinibatch(let epoch, let minibatch):
            "epoch \(epoch), minibatch \(minibatch): the loss or its gradient is not a number; left out"
        case .recovered(let epoch, let minibatch, let goodStep, let learningRate, let remaining):
            "epoch \(epoch), minibatch \(minibatch): the loss is no longer a number, or far too large; going on from "
                + "the parameters of step \(goodStep) at half the learning rate, \(learningRate)"
                + (remaining == 0
                    ? "; the next time is an error"
                    : ", \(remaining) more \(remaining == 1 ? "time" : "times") at most")
        case .loweredRate(let learningRate):
            "no improvement for a while; the learning rate is now \(learningRate)"
        case .beganAveraging(let epoch):
            "epoch \(epoch): validation no longer improves from one to the next; from here on the mean of the "
                + "parameters is the model"
        case .stoppedEarly(let validations, let best):
            "stopped: no improvement in \(validations) \(validations == 1 ? "validation" : "validations"); the best "
                + "was \(Self.number(best.perplexity)) in epoch \(best.epoch)"
        case .overfitting(let validations, let perplexity, let best):
            "overfitting: the held-out text's perplexity, now \(Self.number(perplexity)), was "
                + "\(Self.number(best.perplexity)) in epoch \(best.epoch), \(validations) validations ago; stop early "
                + "(--patience), regularize (--dropout, --weight-decay), take a smaller model or more text"
        case .learnsNothing(let perplexity, let unigram, let uniform):
            perplexity >= 0.99 * uniform
                ? "nothing is learned: the perplexity, \(Self.number(perplexity)), is that of tokens drawn at random "
                    + "(\(Self.number(uniform))); try another --learning-rate"
                : "little is learned: the perplexity, \(Self.number(perplexity)), is no better than that of tokens drawn "
                    + "by their frequencies (\(Self.number(unigram))); give it time, or try another --learning-rate"
        case .moreParametersThanTokens(let parameters, let tokens):
            "the model has more parameters (\(parameters)) than the text has tokens (\(tokens)), so it can learn it by "
                + "heart; hold some out (--validation 0.1) to see when it does"
        }
    }

    private static func number(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 2) }
}
