import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// Everything about a training run except the text and the model.
///
/// The JSON form has a key for each property, of the same name; it is what `training.json` and recipes contain.
public struct TrainingOptions: Sendable, Equatable, Codable {
    // MARK: Minibatches

    /// Passes over the text, at least 1.
    ///
    /// Default: 500.
    public var epochs: Int
    /// Steps after which the run ends, also in the middle of an epoch, at least 1; nil for no end but that of `epochs`.
    ///
    /// Default: nil.
    ///
    /// For texts that are longer than the time that there is. A cosine schedule ends there too.
    public var maxSteps: Int?
    /// Sequences in a minibatch or, with several shards, in each of them, `B`, at least 1.
    ///
    /// Default: 32.
    public var batchSize: Int
    /// Shards of a minibatch, `S`, each of `batchSize` sequences, in 1...4096.
    ///
    /// Default: 1.
    ///
    /// The gradient of each shard is computed by itself, and all of them are added in a fixed order. A process alone
    /// computes one after another, with memory for one; a group of processes shares them out. What is learned does not
    /// depend on the number of processes.
    public var shards = 1
    /// Tokens in a sequence, `T`, through which the gradient goes back; at least 1.
    ///
    /// Default: 35.
    public var sequenceLength: Int
    /// How the text is cut into minibatches.
    ///
    /// Default: `sequential`.
    public var partitioning: Partitioning
    /// The first epochs, in which `sequential` and `consecutive` partitioning carry the recurrent state from one
    /// minibatch to the next; at least 0, nil for all.
    ///
    /// Default: nil.
    ///
    /// In later epochs the state is zero at the start of every minibatch.
    public var statefulEpochs: Int?
    /// With `windows` partitioning, the windows that train, from the start of the text; nil for all.
    ///
    /// Default: nil.
    public var trainingWindows: Int?

    // MARK: Held-out text

    /// With `trainingWindows`, the windows after those that are held out for validation; nil for none.
    ///
    /// Default: nil.
    public var validationWindows: Int?
    /// The fraction of the text, at its end, that is held out for validation, in 0..<1 and above 0; nil for none.
    ///
    /// Default: nil.
    public var validationFraction: Double?
    /// The fraction of the text, at its very end, that is neither trained nor validated on, in 0..<1 and above 0; nil
    /// for none.
    ///
    /// Default: nil.
    public var testFraction: Double?
    /// Minibatches between two validations within an epoch, at least 1; nil to validate only at its end.
    ///
    /// Default: nil.
    public var validationSteps: Int?
    /// When to stop before the last epoch; nil for never.
    ///
    /// Default: nil.
    public var earlyStopping: EarlyStopping?

    // MARK: Updates

    /// The optimizer, with the learning rate at the start of the run.
    ///
    /// Default: SGD at 1, gradient norm at most 1.
    public var optimizer: Optimizer
    /// How the learning rate changes.
    ///
    /// Default: not at all.
    public var schedule: LearningRateSchedule
    /// The validations that the non-monotone trigger of averaging looks back over, at least 1; nil to average from the
    /// first step, if the optimizer averages at all.
    ///
    /// Default: nil.
    ///
    /// Averaging then starts with the first validation that is no better than the best of those before the last so
    /// many (Merity, Keskar, Socher, "Regularizing and optimizing LSTM language models", ICLR 2018).
    public var averagingPatience: Int?
    /// How often a run that diverges, because the loss is not finite or stays far above that of tokens drawn at random,
    /// may return to its last good parameters, at half the learning rate; at least 0, where divergence is an error.
    ///
    /// Default: 3.
    public var maxRecoveries = 3
    /// Dropout and its relatives.
    ///
    /// Default: none.
    public var regularization: Regularization

    // MARK: Randomness and numbers

    /// How the parameters are initialized.
    ///
    /// Default: `uniform`.
    public var initializer: WeightInitializer
    /// The seed of all randomness in the run.
    ///
    /// Default: 0.
    public var seed: UInt64
    /// The number format of the operands of matrix products in `CPUEngine`: float32 or bfloat16.
    ///
    /// Default: `float32`.
    public var precision: Precision

    /// Sequences of all shards of a minibatch, `S B`; as many as there can be where the product is too large.
    package var wholeBatchSize: Int {
        let (product, overflow) = batchSize.multipliedReportingOverflow(by: shards)
        return overflow ? .max : product
    }

    /// Options for a run; the defaults are those of "RNN from scratch".
    ///
    /// What has no parameter here is set afterwards.
    public init(
        epochs: Int = 500, batchSize: Int = 32, sequenceLength: Int = 35,
        partitioning: Partitioning = .sequential, trainingWindows: Int? = nil,
        validationFraction: Double? = nil, earlyStopping: EarlyStopping? = nil,
        optimizer: Optimizer = Optimizer(), schedule: LearningRateSchedule = LearningRateSchedule(),
        regularization: Regularization = Regularization(), initializer: WeightInitializer = .uniform,
        seed: UInt64 = 0, precision: Precision = .float32
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.sequenceLength = sequenceLength
        self.partitioning = partitioning
        self.trainingWindows = trainingWindows
        self.validationFraction = validationFraction
        self.earlyStopping = earlyStopping
        self.optimizer = optimizer
        self.schedule = schedule
        self.regularization = regularization
        self.initializer = initializer
        self.seed = seed
        self.precision = precision
    }
}

/// When a run stops before its last epoch because validation no longer improves.
public struct EarlyStopping: Sendable, Equatable, Codable {
    /// Consecutive validations without improvement after which training stops, at least 1.
    public var patience: Int
    /// The fraction of the best perplexity by which a validation must be lower to be an improvement, in 0..<1.
    ///
    /// Default: 0.
    public var minimumImprovement: Double
    /// Epochs to train in any case, at least 0.
    ///
    /// Default: 0.
    public var minimumEpochs: Int

    /// A rule for stopping.
    public init(patience: Int, minimumImprovement: Double = 0, minimumEpochs: Int = 0) {
        self.patience = patience
        self.minimumImprovement = minimumImprovement
        self.minimumEpochs = minimumEpochs
    }
}
