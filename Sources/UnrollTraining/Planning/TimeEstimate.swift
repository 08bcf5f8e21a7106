/// How long a run takes, as its beginning says.
package struct TimeEstimate: Sendable {
    /// What the run says of itself.
    package let outline: TrainingOutline
    /// Seconds of the whole run.
    package let seconds: Double
    /// Tokens trained on in a second of training.
    package let tokensPerSecond: Double
    /// Whether what was measured had the end of an epoch in it, where the held-out text is evaluated.
    package let includesValidation: Bool

    /// Trains until there is enough to tell; the trainer is of no use for a real run then.
    ///
    /// - Parameters:
    ///   - trainer: A run that is about to begin.
    ///   - enough: Seconds of training that are enough.
    /// - Returns: The estimate.
    /// - Throws: The errors of training.
    package static func measured(_ trainer: Trainer, enough: Double = 1) async throws -> TimeEstimate {
        var outline: TrainingOutline?
        var begin = ContinuousClock.now
        var (doneAtBegin, isWarm) = (0.0, false)
        var (seconds, tokensPerSecond, includesValidation) = (0.0, 0.0, false)
        for try await event in trainer.run() {
            let done: Double
            switch event {
            case .started(let started):
                outline = started
                begin = .now
                continue
            case .progress(let progress):
                done = progress.fractionCompleted
                tokensPerSecond = progress.tokensPerSecond
            case .epoch(let report):
                done = trainer.fractionCompleted
                tokensPerSecond = report.tokensPerSecond
                includesValidation = report.validationPerplexity != nil
            default:
                continue
            }
            let elapsed = begin.duration(to: .now) / .seconds(1)
            seconds = elapsed / (done - doneAtBegin)
            if elapsed >= enough || done >= 1 { break }
            if !isWarm {
                // The first step also makes room for all others; what comes after is better to go by.
                (begin, doneAtBegin, isWarm, includesValidation) = (.now, done, true, false)
            }
        }
        guard let outline else { throw CancellationError() }
        return TimeEstimate(
            outline: outline, seconds: seconds, tokensPerSecond: tokensPerSecond,
            includesValidation: includesValidation)
    }
}
