import UnrollBase

/// What a training run reports.
///
/// Printed, an event is one line.
public enum TrainingEvent: Sendable, Equatable, CustomStringConvertible {
    /// Training starts or resumes.
    case started(TrainingOutline)
    /// Some time has passed within an epoch.
    case progress(TrainingProgress)
    /// A validation inside an epoch has ended; the report is of the epoch so far.
    case validation(EpochReport)
    /// A pass over the text has ended.
    case epoch(EpochReport)
    /// Something to know about the run.
    case notice(TrainingNotice)
    /// All epochs are done, or training has stopped early.
    case finished(TrainingSummary)

    /// One line: what happened, with its figures.
    public var description: String {
        switch self {
        case .started(let outline): outline.description
        case .progress(let progress): progress.description
        case .validation(let report), .epoch(let report): report.description
        case .notice(let notice): "note: \(notice)"
        case .finished(let summary): summary.description
        }
    }
}

/// What a run is going to do.
public struct TrainingOutline: Sendable, Equatable, CustomStringConvertible {
    /// The number of parameters.
    public var parameterCount: Int
    /// Tokens that the model knows, `V`.
    public var vocabularySize: Int
    /// Tokens to train on.
    public var trainingTokens: Int
    /// Tokens held out.
    public var validationTokens: Int
    /// Passes over the text, those already done included.
    public var epochs: Int
    /// Epochs that an earlier run has done.
    public var completedEpochs: Int
    /// The engine, such as `cpu (avx512)`, `cpu (avx512bf16, bfloat16)` or `cuda (NVIDIA H200)`.
    public var engine: String
    /// Why the CPU was taken where it was to be a GPU if possible; nil otherwise.
    public var engineReason: String?

    /// The engine and, where it was chosen, why: `cpu (avx512), as there is no NVIDIA driver`.
    package var chosenEngine: String { engine + (engineReason.map { ", as \($0)" } ?? "") }

    /// Tokens, parameters, epochs and engine in one line.
    public var description: String {
        "training on \(NumberFormat.grouped(Double(trainingTokens))) tokens"
            + (validationTokens > 0 ? ", \(NumberFormat.grouped(Double(validationTokens))) held out" : "")
            + "; \(NumberFormat.grouped(Double(parameterCount))) parameters; "
            + (completedEpochs > 0 ? "\(completedEpochs) of \(epochs) epochs done" : "\(epochs) epochs")
            + " on \(chosenEngine)"
    }
}

/// Where a run stands.
public struct TrainingProgress: Sendable, Equatable, CustomStringConvertible {
    /// The epoch, counted from 1.
    public var epoch: Int
    /// Passes over the text in all.
    public var epochs: Int
    /// The part of the whole run that is done, between 0 and 1.
    public var fractionCompleted: Double
    /// The perplexity of the epoch so far, exp(nats / tokens).
    public var perplexity: Double
    /// Tokens trained on in a second of training.
    public var tokensPerSecond: Double
    /// Seconds left at this speed.
    public var secondsRemaining: Double

    package init(
        epoch: Int, epochs: Int, fractionCompleted: Double, perplexity: Double, tokensPerSecond: Double,
        secondsRemaining: Double
    ) {
        self.epoch = epoch
        self.epochs = epochs
        self.fractionCompleted = fractionCompleted
        self.perplexity = perplexity
        self.tokensPerSecond = tokensPerSecond
        self.secondsRemaining = secondsRemaining
    }

    /// Epoch, perplexity and speed in one line.
    public var description: String {
        "epoch \(epoch)/\(epochs)  perplexity \(NumberFormat.decimal(perplexity))  \(NumberFormat.grouped(tokensPerSecond)) tokens/s"
    }
}

/// What one pass over the text came to, or the part of it up to a validation.
public struct EpochReport: Sendable, Equatable, Codable, CustomStringConvertible {
    /// The epoch, counted from 1.
    public var epoch: Int
    /// The perplexity over the epoch's training tokens while they were learned, exp(nats / tokens).
    public var perplexity: Double
    /// The perplexity of the held-out text after the epoch, if there is any.
    public var validationPerplexity: Double?
    /// The mean norm of the gradient before clipping.
    public var gradientNorm: Double
    /// Tokens trained on in a second of training.
    public var tokensPerSecond: Double
    /// Seconds of training since the beginning of the run, those of earlier parts included.
    public var seconds: Double
    /// Steps of training since the beginning of the run; nil where they were not counted.
    public var step: Int?
    /// The learning rate of the last step; nil where it was not noted.
    public var learningRate: Float?
    /// The part of the epoch that is done, for a validation inside it; nil for the whole.
    public var partOfEpoch: Double?
    /// The share of the training time, in this part of the run, in which processes exchanged and added gradients or waited
    /// for each other, in 0...1; nil for a process alone.
    public var communicationShare: Double?

    /// Where it lies on an axis of epochs.
    public var epochs: Double { partOfEpoch.map { Double(epoch - 1) + $0 } ?? Double(epoch) }

    /// Reads a line of `metrics.jsonl`, where a perplexity beyond all numbers is null.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        epoch = try container.decode(Int.self, forKey: .epoch)
        perplexity = try container.decode(Double?.self, forKey: .perplexity) ?? .infinity
        validationPerplexity = try container.decodeIfPresent(Double.self, forKey: .validationPerplexity)
        gradientNorm = try container.decode(Double.self, forKey: .gradientNorm)
        tokensPerSecond = try container.decode(Double.self, forKey: .tokensPerSecond)
        seconds = try container.decode(Double.self, forKey: .seconds)
        step = try container.decodeIfPresent(Int.self, forKey: .step)
        learningRate = try container.decodeIfPresent(Float.self, forKey: .learningRate)
        partOfEpoch = try container.decodeIfPresent(Double.self, forKey: .partOfEpoch)
        communicationShare = try container.decodeIfPresent(Double.self, forKey: .communicationShare)
    }

    package init(
        epoch: Int, perplexity: Double, validationPerplexity: Double?, gradientNorm: Double,
        tokensPerSecond: Double, seconds: Double, step: Int? = nil, learningRate: Float? = nil,
        partOfEpoch: Double? = nil, communicationShare: Double? = nil
    ) {
        self.epoch = epoch
        self.perplexity = perplexity
        self.validationPerplexity = validationPerplexity
        self.gradientNorm = gradientNorm
        self.tokensPerSecond = tokensPerSecond
        self.seconds = seconds
        self.step = step
        self.learningRate = learningRate
        self.partOfEpoch = partOfEpoch
        self.communicationShare = communicationShare
    }

    /// Epoch, perplexities, gradient norm and speed in one line.
    public var description: String {
        "epoch \(partOfEpoch == nil ? "\(epoch)" : NumberFormat.fixed(epochs, decimals: 2))  perplexity \(NumberFormat.decimal(perplexity))"
            + (validationPerplexity.map { "  validation \(NumberFormat.decimal($0))" } ?? "")
            + "  gradient \(NumberFormat.decimal(gradientNorm))  \(NumberFormat.grouped(tokensPerSecond)) tokens/s"
    }
}

/// What a whole run came to.
public struct TrainingSummary: Sendable, Equatable, CustomStringConvertible {
    /// Passes over the text.
    public var epochs: Int
    /// The perplexity of the last epoch's training tokens.
    public var perplexity: Double
    /// The perplexity of the held-out text, if there is any.
    public var validationPerplexity: Double?
    /// The perplexity of the text to test on, if there is any, by the model as it is at the end.
    public var testPerplexity: Double?
    /// The best validation, if there was one.
    public var best: BestValidation?
    /// Whether training has stopped before its last epoch.
    public var isStoppedEarly: Bool
    /// Tokens trained on in a second of training.
    public var tokensPerSecond: Double

    /// Epochs, perplexities and speed in one line.
    public var description: String {
        "finished after \(epochs) \(epochs == 1 ? "epoch" : "epochs")\(isStoppedEarly ? ", early" : ""): "
            + "perplexity \(NumberFormat.decimal(perplexity))"
            + (validationPerplexity.map { ", validation \(NumberFormat.decimal($0))" } ?? "")
            + (best.map { ", best \(NumberFormat.decimal($0.perplexity)) in epoch \($0.epoch)" } ?? "")
            + (testPerplexity.map { ", test \(NumberFormat.decimal($0))" } ?? "")
            + ", \(NumberFormat.grouped(tokensPerSecond)) tokens/s"
    }
}
