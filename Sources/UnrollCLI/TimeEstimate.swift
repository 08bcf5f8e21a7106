import Unroll

/// How long a run takes, as its first second says.
struct TimeEstimate {
    let seconds: Double
    let tokensPerSecond: Double
    /// Whether what was measured had the end of an epoch in it, where the held-out text is evaluated.
    let includesValidation: Bool

    /// Seconds of training that are enough to tell.
    private static let enough = 1.0

    /// Trains until there is enough to tell.
    static func measured(_ trainer: Trainer) async throws -> (plan: TrainingPlan, time: TimeEstimate) {
        var plan: TrainingPlan?
        var begin = ContinuousClock.now
        var (doneAtBegin, isWarm) = (0.0, false)
        var (seconds, tokensPerSecond, includesValidation) = (0.0, 0.0, false)
        for try await event in trainer.run() {
            let done: Double
            switch event {
            case .started(let started):
                plan = started
                begin = .now
                continue
            case .progress(let progress):
                done = progress.fractionCompleted
                tokensPerSecond = progress.tokensPerSecond
            case .epoch(let report):
                done = Double(report.epoch) / Double(trainer.options.epochs)
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
        guard let plan else { throw CancellationError() }
        return (
            plan,
            TimeEstimate(
                seconds: seconds, tokensPerSecond: tokensPerSecond, includesValidation: includesValidation)
        )
    }
}
