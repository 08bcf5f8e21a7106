import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// Everything about a training run but the text and the model.
public struct TrainingOptions: Sendable, Equatable, Codable {
    /// Passes over the text.
    public var epochs: Int
    /// Sequences side by side, `B`.
    public var batchSize: Int
    /// Tokens through which the gradient goes back, `T`.
    public var sequenceLength: Int
    /// How the text is cut into minibatches.
    public var partitioning: Partitioning
    /// The first epochs, in which the state goes on from one minibatch to the next where `partitioning` lets it.
    ///
    /// In those after, it begins as zeros in every minibatch. Nil is all epochs.
    public var carriedEpochs: Int?
    /// With `windows` sampling, how many windows train, from the beginning of the text; nil for all.
    public var trainingWindows: Int?
    /// With `windows` sampling, how many of the windows after those validate; nil for none.
    public var validationWindows: Int?
    /// The share of the text, at its end, that is held out to validate on after each epoch; nil for none.
    public var validationFraction: Double?
    /// The share of the text, at its very end, that is neither trained on nor validated on; nil for none.
    public var testFraction: Double?
    /// Minibatches of an epoch after which to validate, beside its end; nil for the end alone.
    public var validationSteps: Int?
    /// When to stop before the last epoch; nil for never.
    public var earlyStopping: EarlyStopping?
    /// How gradients become updates, with the learning rate at the beginning.
    public var optimizer: Optimizer
    /// The validations of the non-monotone trigger of averaging; nil to average from the first step, if at all.
    ///
    /// Averaging then begins with the first validation that is not better than the best of those before the last so
    /// many (Merity, Keskar, Socher, "Regularizing and optimizing LSTM language models", ICLR 2018).
    public var averagingTrigger: Int?
    /// What is left out at random, so that the model does not learn its text by heart.
    public var regularization: Regularization {
        get { otherRegularization ?? Regularization() }
        set { otherRegularization = newValue == Regularization() ? nil : newValue }
    }
    /// How the learning rate changes.
    public var schedule: LearningRateSchedule {
        get { otherSchedule ?? LearningRateSchedule() }
        set { otherSchedule = newValue == LearningRateSchedule() ? nil : newValue }
    }
    /// How often a run whose loss is no longer a number may go back to its last good parameters, at half the rate.
    ///
    /// With 0 the first loss that is no number is an error.
    public var recoveries: Int {
        get { otherRecoveries ?? Self.defaultRecoveries }
        set { otherRecoveries = newValue == Self.defaultRecoveries ? nil : newValue }
    }
    /// How parameters get their first values.
    public var initializer: WeightInitializer
    /// What all randomness of the run is derived from.
    public var seed: UInt64
    /// What the matrix products of `CPUEngine` multiply.
    public var precision: Precision {
        get { otherPrecision ?? .float32 }
        set { otherPrecision = newValue == .float32 ? nil : newValue }
    }
    // Nil for what was so before there was a choice: records from then have no such key, and keep their seal.
    private var otherPrecision: Precision?
    private var otherSchedule: LearningRateSchedule?
    private var otherRecoveries: Int?
    private var otherRegularization: Regularization?

    private static let defaultRecoveries = 3

    private enum CodingKeys: String, CodingKey {
        case epochs, batchSize, sequenceLength, partitioning, carriedEpochs, trainingWindows,
            validationWindows,
            validationFraction, testFraction, validationSteps, earlyStopping
        case optimizer, averagingTrigger, initializer, seed
        case otherSchedule = "schedule"
        case otherRecoveries = "recoveries"
        case otherRegularization = "regularization"
        case otherPrecision = "precision"
    }

    /// Describes a run; the default is that of "RNN from scratch".
    public init(
        epochs: Int = 500, batchSize: Int = 32, sequenceLength: Int = 35,
        partitioning: Partitioning = .sequential,
        carriedEpochs: Int? = nil, trainingWindows: Int? = nil, validationWindows: Int? = nil,
        validationFraction: Double? = nil, testFraction: Double? = nil, validationSteps: Int? = nil,
        earlyStopping: EarlyStopping? = nil,
        optimizer: Optimizer = Optimizer(), averagingTrigger: Int? = nil,
        schedule: LearningRateSchedule = LearningRateSchedule(), recoveries: Int = 3,
        regularization: Regularization = Regularization(),
        initializer: WeightInitializer = .uniform, seed: UInt64 = 0, precision: Precision = .float32
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.sequenceLength = sequenceLength
        self.partitioning = partitioning
        self.carriedEpochs = carriedEpochs
        self.trainingWindows = trainingWindows
        self.validationWindows = validationWindows
        self.validationFraction = validationFraction
        self.testFraction = testFraction
        self.validationSteps = validationSteps
        self.earlyStopping = earlyStopping
        self.optimizer = optimizer
        self.averagingTrigger = averagingTrigger
        self.initializer = initializer
        self.seed = seed
        self.precision = precision
        self.schedule = schedule
        self.recoveries = recoveries
        self.regularization = regularization
    }
}
