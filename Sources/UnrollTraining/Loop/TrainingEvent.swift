/// What a training run reports.
public enum TrainingEvent: Sendable, Equatable {
    /// Training begins or goes on.
    case started(TrainingPlan)
    /// Some time has passed within an epoch.
    case progress(TrainingProgress)
    /// A validation inside an epoch has ended; the report is of the epoch so far.
    case validation(EpochReport)
    /// A pass over the text has ended.
    case epoch(EpochReport)
    /// Something about the run that is worth knowing.
    case notice(TrainingNotice)
    /// All epochs are done, or training has stopped early.
    case finished(TrainingSummary)
}

/// What a run is going to do.
public struct TrainingPlan: Sendable, Equatable {
    /// How many numbers the model learns.
    public var parameterCount: Int
    /// How many tokens the model knows, `V`.
    public var vocabularySize: Int
    /// Tokens to train on.
    public var trainingTokens: Int
    /// Tokens held out.
    public var validationTokens: Int
    /// Passes over the text, those already done included.
    public var epochs: Int
    /// Epochs that an earlier run has done.
    public var completedEpochs: Int
    /// What computes, such as `cpu (avx512)` or `cpu (avx512bf16, bfloat16)`.
    public var engine: String
}

/// Where a run stands.
public struct TrainingProgress: Sendable, Equatable {
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
}

/// What one pass over the text came to, or the part of it up to a validation.
public struct EpochReport: Sendable, Equatable, Codable {
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

    /// Where it lies on an axis of epochs.
    public var epochs: Double { partOfEpoch.map { Double(epoch - 1) + $0 } ?? Double(epoch) }

    package init(
        epoch: Int, perplexity: Double, validationPerplexity: Double?, gradientNorm: Double,
        tokensPerSecond: Double, seconds: Double, step: Int? = nil, learningRate: Float? = nil,
        partOfEpoch: Double? = nil
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
    }
}

/// What a whole run came to.
public struct TrainingSummary: Sendable, Equatable {
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
}
