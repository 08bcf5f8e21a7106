import Synchronization
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// Training steps, which the engine is asked for in runs.
extension TrainingLoop {
    /// Trains on the next minibatches: as many as the engine prefers, and no further than something may happen.
    mutating func trainRun() throws {
        let count = runLength
        prepareForStep()
        while steps.count < count { steps.append(TrainingStep()) }
        for index in 0..<count {
            let minibatch = position.minibatch + index
            if let shards {
                minibatches.fill(&steps[index].minibatch, at: minibatch, rows: shards.ownRows)
            } else {
                minibatches.fill(&steps[index].minibatch, at: minibatch)
            }
            if let stateful = options.statefulEpochs, position.epoch >= stateful {
                steps[index].minibatch.continuesState = false
            }
            steps[index].optimizer = optimizer(minibatch: minibatch)
            steps[index].randomness = randomness(step: position.steps + index)
        }
        let (start, sums) = (ContinuousClock.now, shards?.secondsOfSums ?? 0)
        let results = try engine.train(count == steps.count ? steps : Array(steps[..<count]))
        let seconds = start.duration(to: .now) / .seconds(1) / Double(max(results.count, 1))
        collection.secondsOfSums += (shards?.secondsOfSums ?? 0) - sums
        for (index, result) in results.enumerated() {
            guard result.isFinite else { return try skipMinibatch() }
            record(result, tokens: steps[index].minibatch.wholeTokenCount, seconds: seconds)
            if hasDiverged(result.meanLoss) {
                // The rest of the results is lost with the parameters.
                try recover()
                return position.resetSums()
            }
            try keepParameters(ifGood: result.meanLoss)
        }
    }

    private mutating func record(_ result: StepResult, tokens: Int, seconds: Double) {
        position.minibatch += 1
        position.steps += 1
        position.epochSteps += 1
        position.nats += result.meanLoss * Double(tokens)
        position.gradientNorms += result.gradientNorm
        position.tokens += tokens
        position.totalTokens += tokens
        position.seconds += seconds
        runTokens += tokens
        runSeconds += seconds
    }

    /// The number of steps to ask for at once.
    ///
    /// A run stops where the epoch ends, a validation is due or parameters are kept, and takes no longer than the interval
    /// between two reports, as nothing is reported and no cancellation noticed meanwhile.
    private var runLength: Int {
        guard engine.preferredRunLength > 1, runSeconds > 0,
            let tokens = steps.first?.minibatch.wholeTokenCount
        else { return 1 }
        let secondsPerStep = runSeconds / Double(runTokens) * Double(tokens)
        var length = min(engine.preferredRunLength, minibatches.count - position.minibatch)
        length = min(length, Int(min(Self.reportInterval / secondsPerStep, 1e6)))
        if let maxSteps = options.maxSteps { length = min(length, maxSteps - position.steps) }
        if let interval = options.validationSteps {
            length = min(length, interval - (position.minibatch - position.validatedMinibatch))
        }
        if let remaining = stepsUntilParametersAreKept { length = min(length, remaining) }
        return max(1, length)
    }

    /// What the random masks of a step are drawn from; nil without dropout and its relatives.
    private func randomness(step: Int) -> StepRandomness? {
        guard options.regularization != Regularization() || engine.configuration.zoneout != Zoneout() else {
            return nil
        }
        return StepRandomness(regularization: options.regularization, seed: options.seed, step: step)
    }

    /// The optimizer of the step on a minibatch of the current epoch.
    private func optimizer(minibatch: Int) -> Optimizer {
        var optimizer = options.optimizer
        optimizer.learningRate = learningRate(minibatch: minibatch)
        if options.averagingPatience != nil, !position.averages { optimizer.averaging = .none }
        return optimizer
    }
}

extension Trainer {
    /// Lends the engine between two events.
    package func withEngine(_ body: @Sendable (any Engine) -> Void) {
        loop.withLock { body($0.engine) }
    }
}
