/// When checkpoints are written, and how many are kept.
public struct CheckpointPolicy: Sendable, Equatable {
    /// Seconds from one to the next; nil where only steps count.
    public var seconds: Double?
    /// Steps of training from one to the next; nil where only seconds count.
    public var steps: Int?
    /// Checkpoints to keep: with more than one, the last so many are also in folders of their own.
    ///
    /// They are `checkpoints/step-000123` and the like, each a whole model folder.
    public var count: Int

    /// Describes a policy; the default is the last one, every 15 seconds.
    public init(seconds: Double? = 15, steps: Int? = nil, count: Int = 1) {
        self.seconds = seconds
        self.steps = steps
        self.count = count
    }

    /// Checks that the numbers make sense.
    package func check() throws(TrainingError) {
        if let seconds, !(seconds >= 0 && seconds.isFinite) {
            throw .invalidOption(
                "the seconds between checkpoints (--checkpoint-seconds) must be 0 or more")
        }
        if let steps, steps < 1 {
            throw .invalidOption("the steps between checkpoints (--checkpoint-steps) must be at least 1")
        }
        guard count >= 1 else {
            throw .invalidOption("the number of checkpoints to keep (--keep) must be at least 1")
        }
    }
}

/// A checkpoint that has been begun.
public struct CheckpointNote: Sendable, Equatable {
    /// Steps of training that it holds.
    public var step: Int
    /// Seconds for which training stood still; it is written while training goes on.
    public var pausedSeconds: Double
}
