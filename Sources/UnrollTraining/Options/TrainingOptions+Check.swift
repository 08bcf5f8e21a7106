import UnrollEngine
import UnrollText

extension TrainingOptions {
    package func check() throws(TrainingError) {
        guard epochs >= 1 else { throw .invalidOption("the number of epochs (--epochs) must be at least 1") }
        guard optimizer.learningRate > 0, optimizer.learningRate.isFinite else {
            throw .invalidOption("the learning rate (--learning-rate) must be a positive number")
        }
        if let bound = optimizer.maxGradientNorm, !(bound > 0 && bound.isFinite) {
            throw .invalidOption(
                "the bound of the gradient's norm (--clip) must be positive and finite; leave clipping out with 0"
            )
        }
        if let carriedEpochs, carriedEpochs < 0 {
            throw .invalidOption(
                "the number of epochs with carried state (--carried-epochs) must not be negative")
        }
        if carriedEpochs != nil, ![.sequential, .consecutive].contains(partitioning) {
            throw .invalidOption(
                "only --sampling sequential and consecutive carry state, so --carried-epochs needs one of them"
            )
        }
        if partitioning != .windows, trainingWindows != nil || validationWindows != nil {
            throw .invalidOption("counts of windows need --sampling windows")
        }
        if validationWindows != nil, trainingWindows == nil || validationFraction != nil {
            throw .invalidOption(
                "windows to validate on follow a count of windows to train on, and exclude --validation")
        }
        if let validationSteps, validationSteps < 1 {
            throw .invalidOption("the steps between validations (--validate-steps) must be at least 1")
        }
        if let averagingTrigger, averagingTrigger < 1 {
            throw .invalidOption("the validations of the trigger of averaging must be at least 1")
        }
        do {
            try optimizer.check()
        } catch {
            throw .engine(error)
        }
        try earlyStopping?.check()
        try schedule.check()
        guard recoveries >= 0 else {
            throw .invalidOption("the number of recoveries (--recoveries) must not be negative")
        }
    }

    /// Checks that what validation is to decide can be decided.
    package func check(isHeldOut: Bool) throws(TrainingError) {
        guard !isHeldOut else { return }
        let needs = [
            (validationSteps != nil, "--validate-steps"), (earlyStopping != nil, "--patience"),
            (averagingTrigger != nil, "--optimizer asgd"),
        ]
        if let (_, flag) = needs.first(where: { $0.0 }) {
            throw .invalidOption(
                "\(flag) needs a text to validate on; hold some out, such as with --validation 0.1")
        }
    }
}
