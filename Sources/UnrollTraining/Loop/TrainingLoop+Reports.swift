import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension TrainingLoop {
    private var tokensPerSecond: Double { runSeconds > 0 ? Double(runTokens) / runSeconds : 0 }

    var parameterCount: Int {
        engine.configuration.parameterShapes(vocabularySize: engine.vocabularySize)
            .reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    var outline: TrainingOutline {
        TrainingOutline(
            parameterCount: parameterCount, vocabularySize: engine.vocabularySize,
            trainingTokens: data.parts.training.tokens.count, validationTokens: data.validationTokenCount,
            epochs: options.epochs, completedEpochs: position.epoch, engine: "\(engine.description)",
            engineReason: reason)
    }

    var progress: TrainingProgress {
        let fraction = fractionCompleted
        let done = position.totalTokens
        let remaining = fraction > 0 ? Double(done) / fraction - Double(done) : 0
        return TrainingProgress(
            epoch: position.epoch + 1, epochs: options.epochs, fractionCompleted: fraction,
            perplexity: position.perplexity, tokensPerSecond: tokensPerSecond,
            secondsRemaining: tokensPerSecond > 0 ? remaining / tokensPerSecond : 0)
    }

    /// The part of the run that is done, in 0...1.
    var fractionCompleted: Double {
        let epochs = Double(position.epoch) + Double(position.minibatch) / Double(max(minibatches.count, 1))
        let steps = options.maxSteps.map { Double(position.steps) / Double($0) } ?? 0
        return min(max(epochs / Double(options.epochs), steps), 1)
    }

    /// The epoch so far.
    func report(validation: Double?, partOfEpoch: Double?) -> EpochReport {
        EpochReport(
            epoch: position.epoch + 1, perplexity: position.perplexity, validationPerplexity: validation,
            gradientNorm: position.gradientNorms / Double(max(position.epochSteps, 1)),
            tokensPerSecond: tokensPerSecond, seconds: position.seconds, step: position.steps,
            learningRate: learningRate(minibatch: max(position.minibatch - 1, 0)), partOfEpoch: partOfEpoch,
            communicationShare: communicationShare)
    }

    /// What the run came to; reads the text to test on, once.
    mutating func summary() throws -> TrainingSummary {
        TrainingSummary(
            epochs: position.moment.epoch, perplexity: position.lastReport?.perplexity ?? 1,
            validationPerplexity: position.lastReport?.validationPerplexity,
            testPerplexity: try testPerplexity(),
            best: position.validation.best, isStoppedEarly: position.isStopped,
            tokensPerSecond: runTokens > 0 ? tokensPerSecond : position.tokensPerSecond)
    }
}
