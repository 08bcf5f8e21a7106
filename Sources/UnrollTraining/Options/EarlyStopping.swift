/// When a run ends before its last epoch, for the held-out text is no longer predicted better.
public struct EarlyStopping: Sendable, Equatable, Codable {
    /// Validations in a row without an improvement, after which training ends.
    public var patience: Int
    /// The share of the perplexity by which a validation must be lower to count as an improvement.
    public var minimumImprovement: Double
    /// Epochs before whose end training goes on in any case.
    public var minimumEpochs: Int

    /// Describes when to stop.
    public init(patience: Int, minimumImprovement: Double = 0, minimumEpochs: Int = 0) {
        self.patience = patience
        self.minimumImprovement = minimumImprovement
        self.minimumEpochs = minimumEpochs
    }

    func check() throws(TrainingError) {
        guard patience >= 1 else {
            throw .invalidOption("the validations to wait for an improvement (--patience) must be at least 1")
        }
        guard (0..<1).contains(minimumImprovement) else {
            throw .invalidOption(
                "the least improvement (--minimum-improvement) must be a share, from 0 to below 1")
        }
        guard minimumEpochs >= 0 else {
            throw .invalidOption("the least number of epochs (--minimum-epochs) must not be negative")
        }
    }
}
