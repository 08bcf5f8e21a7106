import Foundation
import UnrollBase

/// Something about a run that is worth knowing, reported once; what stops a run is an error instead.
public enum TrainingNotice: Sendable, Equatable, CustomStringConvertible {
    /// The loss or the gradient of a minibatch was not finite; the minibatch was skipped.
    case skippedMinibatch(epoch: Int, minibatch: Int)
    /// The loss was not finite, or far too large; training goes on from earlier parameters, at half the learning rate.
    case recovered(epoch: Int, minibatch: Int, goodStep: Int, learningRate: Float, remaining: Int)
    /// A plateau schedule has lowered the learning rate.
    case loweredRate(learningRate: Float)
    /// Averaging of the parameters has started.
    case beganAveraging(epoch: Int)
    /// The run was resumed and has nothing left to do: all its epochs were done, or as many steps as it was to have at
    /// most.
    case alreadyFinished(epochs: Int, maxSteps: Int? = nil)
    /// The run was resumed and has nothing left to do: it had stopped early.
    case alreadyStopped(epoch: Int, validations: Int)
    /// The run stops before its last epoch.
    case stoppedEarly(validations: Int, best: BestValidation)
    /// Validation has been getting worse for a while.
    case overfitting(validations: Int, perplexity: Double, best: BestValidation)
    /// The model predicts no better than tokens drawn uniformly, or by their frequencies.
    case learnsNothing(perplexity: Double, unigramPerplexity: Double, uniformPerplexity: Double)
    /// The model is large enough to memorize the text, of which some is held out or none.
    case moreParametersThanTokens(parameters: Int, tokens: Int, isHeldOut: Bool)

    /// The warm-up is as long as the run or longer; the last step has this learning rate, and none decays.
    case warmUpOutlastsRun(warmUpSteps: Int, steps: Int, learningRate: Float)
    /// An option counts something that the run has too few of, such as epochs, for it to have an effect.
    case withoutEffect(parameter: String, value: Int, reason: String)

    /// The kind of a notice.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case skippedMinibatch, recovered, loweredRate, beganAveraging, alreadyFinished, alreadyStopped,
            stoppedEarly, overfitting, learnsNothing, moreParametersThanTokens, warmUpOutlastsRun,
            withoutEffect
    }

    /// The notice's kind.
    public var kind: Kind {
        switch self {
        case .skippedMinibatch: .skippedMinibatch
        case .recovered: .recovered
        case .loweredRate: .loweredRate
        case .beganAveraging: .beganAveraging
        case .alreadyFinished: .alreadyFinished
        case .alreadyStopped: .alreadyStopped
        case .stoppedEarly: .stoppedEarly
        case .overfitting: .overfitting
        case .learnsNothing: .learnsNothing
        case .moreParametersThanTokens: .moreParametersThanTokens
        case .warmUpOutlastsRun: .warmUpOutlastsRun
        case .withoutEffect: .withoutEffect
        }
    }

    /// One line that says what happened and what to do about it.
    public var description: String {
        switch self {
        case .skippedMinibatch(let epoch, let minibatch):
            "epoch \(epoch), minibatch \(minibatch): the loss or its gradient is not finite; skipped"
        case .recovered(let epoch, let minibatch, let goodStep, let learningRate, let remaining):
            "epoch \(epoch), minibatch \(minibatch): the loss is not finite, or far too large; going on from "
                + "the parameters of step \(goodStep) at half the learning rate, \(Self.number(learningRate))"
                + (remaining == 0
                    ? "; the next time is an error"
                    : ", \(remaining) more \(remaining == 1 ? "time" : "times") at most")
        case .loweredRate(let learningRate):
            "no improvement for a while; the learning rate is now \(Self.number(learningRate))"
        case .beganAveraging(let epoch):
            "epoch \(epoch): validation no longer improves; from here on the model is the mean of the parameters"
        case .alreadyFinished(_, let maxSteps?):
            "nothing is left to do: the run has done its \(Self.number(maxSteps)) steps; it goes on with more"
        case .alreadyFinished(let epochs, nil):
            "nothing is left to do: the run has done its \(epochs) \(epochs == 1 ? "epoch" : "epochs"); it goes on with more"
        case .alreadyStopped(let epoch, let validations):
            "nothing is left to do: the run stopped early in epoch \(epoch), after \(validations) "
                + "\(validations == 1 ? "validation" : "validations") without improvement; it goes on with a patience of "
                + "\(validations + 1) or more"
        case .stoppedEarly(let validations, let best):
            "stopped: no improvement in \(validations) \(validations == 1 ? "validation" : "validations"); the best "
                + "was \(Self.number(best.perplexity)) in epoch \(best.epoch)"
        case .overfitting(let validations, let perplexity, let best):
            "overfitting: the held-out text's perplexity, now \(Self.number(perplexity)), was "
                + "\(Self.number(best.perplexity)) in epoch \(best.epoch), \(validations) validations ago; stop early, "
                + "use dropout or weight decay, a smaller model or more text"
        case .learnsNothing(let perplexity, let unigram, let uniform):
            Self.describeLevel(perplexity, unigram: unigram, uniform: uniform)
        case .moreParametersThanTokens(let parameters, let tokens, let isHeldOut):
            "the model has more parameters (\(Self.number(parameters))) than the text has tokens "
                + "(\(Self.number(tokens))), so it can memorize it; "
                + (isHeldOut
                    ? "the held-out text shows when it does" : "hold some text out to see when it does")
        case .warmUpOutlastsRun(let warmUpSteps, let steps, let learningRate):
            "the warm-up of \(warmUpSteps) steps is not shorter than the run, which has \(steps): the learning rate "
                + "rises to \(Self.number(learningRate)) and does not decay; shorten the warm-up or train for more epochs"
        case .withoutEffect(let parameter, let value, let reason):
            "\(parameter) is \(value), which has no effect: \(reason)"
        }
    }

    private static func describeLevel(_ perplexity: Double, unigram: Double, uniform: Double) -> String {
        let times = perplexity / uniform
        return switch times {
        case 1.5...:
            "nothing is learned: the perplexity, \(number(perplexity)), is "
                + "\(NumberFormat.significant(times, digits: 2)) times that of tokens drawn at random "
                + "(\(NumberFormat.significant(uniform))); try a smaller learning rate"
        case 0.99...:
            "nothing is learned: the perplexity, \(number(perplexity)), is that of tokens drawn at random "
                + "(\(NumberFormat.significant(uniform))); try another learning rate"
        default:
            "little is learned: the perplexity, \(number(perplexity)), is no better than that of tokens drawn "
                + "by their frequencies (\(number(unigram))); give it time, or try another learning rate"
        }
    }

    private static func number(_ value: Double) -> String { NumberFormat.decimal(value) }
    private static func number(_ count: Int) -> String { NumberFormat.grouped(Double(count)) }
    private static func number(_ learningRate: Float) -> String {
        NumberFormat.significant(Double(learningRate))
    }
}
