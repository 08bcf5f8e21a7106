import UnrollCore
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
    public var timeSteps: Int
    /// How the text is cut into minibatches.
    public var sampling: Sampling
    /// The first epochs, in which the state goes on from one minibatch to the next where `sampling` lets it.
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
    /// How gradients become updates.
    public var optimizer: Optimizer
    /// How parameters get their first values.
    public var initializer: Initializer
    /// What all randomness of the run is derived from.
    public var seed: UInt64
    /// What the matrix products of `CPUEngine` multiply.
    public var precision: Precision {
        get { otherPrecision ?? .float32 }
        set { otherPrecision = newValue == .float32 ? nil : newValue }
    }
    /// Nil for float32: records of runs from before there was a choice have no such key, and keep their seal.
    private var otherPrecision: Precision?

    private enum CodingKeys: String, CodingKey {
        case epochs, batchSize, timeSteps, sampling, carriedEpochs, trainingWindows, validationWindows,
            validationFraction, testFraction
        case optimizer, initializer, seed
        case otherPrecision = "precision"
    }

    /// Describes a run; the default is that of "RNN from scratch".
    public init(
        epochs: Int = 500, batchSize: Int = 32, timeSteps: Int = 35, sampling: Sampling = .sequential,
        carriedEpochs: Int? = nil, trainingWindows: Int? = nil, validationWindows: Int? = nil,
        validationFraction: Double? = nil, testFraction: Double? = nil,
        optimizer: Optimizer = Optimizer(), initializer: Initializer = .uniform, seed: UInt64 = 0,
        precision: Precision = .float32
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.timeSteps = timeSteps
        self.sampling = sampling
        self.carriedEpochs = carriedEpochs
        self.trainingWindows = trainingWindows
        self.validationWindows = validationWindows
        self.validationFraction = validationFraction
        self.testFraction = testFraction
        self.optimizer = optimizer
        self.initializer = initializer
        self.seed = seed
        self.precision = precision
    }

    package func check() throws(TrainingError) {
        guard epochs >= 1 else { throw .invalidOption("the number of epochs (--epochs) must be at least 1") }
        guard optimizer.learningRate > 0, optimizer.learningRate.isFinite else {
            throw .invalidOption("the learning rate (--learning-rate) must be a positive number")
        }
        if let bound = optimizer.gradientNormBound, !(bound > 0 && bound.isFinite) {
            throw .invalidOption(
                "the bound of the gradient's norm (--clip) must be positive and finite; leave clipping out with 0"
            )
        }
        if let carriedEpochs, carriedEpochs < 0 {
            throw .invalidOption(
                "the number of epochs with carried state (--carried-epochs) must not be negative")
        }
        if carriedEpochs != nil, ![.sequential, .consecutive].contains(sampling) {
            throw .invalidOption(
                "only --sampling sequential and consecutive carry state, so --carried-epochs needs one of them"
            )
        }
        if sampling != .windows, trainingWindows != nil || validationWindows != nil {
            throw .invalidOption("counts of windows need --sampling windows")
        }
        if validationWindows != nil, trainingWindows == nil || validationFraction != nil {
            throw .invalidOption(
                "windows to validate on follow a count of windows to train on, and exclude --validation")
        }
    }
}
