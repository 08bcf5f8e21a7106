import Unroll

/// What a run would be, found out by beginning it and saving nothing.
struct DryRun {
    let plan: TrainingPlan
    /// Names and shapes of the parameters, as a model folder has them.
    let parameters: [(name: String, shape: [Int])]
    /// Bytes that training takes, and that the machine has.
    let memory: (needed: Double, available: Double)
    /// Steps and sequences of a minibatch, `T` and `B`.
    let shape: (sequenceLength: Int, batchSize: Int)
    let minibatchesPerEpoch: Int
    let tokensPerEpoch: Int
    let time: TimeEstimate

    /// The tokens of all epochs.
    var tokens: Double { Double(plan.epochs) * Double(tokensPerEpoch) }

    /// Trains for about a second; the trainer is of no use for a real run then.
    init(_ trainer: Trainer) async throws {
        let (model, options, training) = (trainer.configuration, trainer.options, trainer.parts.training)
        shape = (options.sequenceLength, options.batchSize)
        parameters = model.parameterShapes(vocabularySize: training.vocabulary.count)
        memory = (
            MemoryEstimate.bytes(
                configuration: model, vocabularySize: training.vocabulary.count,
                sequenceLength: options.sequenceLength,
                batchSize: options.batchSize, precision: options.precision, optimizer: options.optimizer,
                regularization: options.regularization),
            MemoryEstimate.machineMemory
        )
        let minibatches = try options.partitioning.minibatches(
            of: training.tokens, batchSize: options.batchSize, sequenceLength: options.sequenceLength,
            seed: options.seed, epoch: 0, windowCount: options.trainingWindows)
        minibatchesPerEpoch = minibatches.count
        // The last one may have fewer sequences.
        var (first, last) = (Minibatch(), Minibatch())
        minibatches.fill(&first, at: 0)
        minibatches.fill(&last, at: minibatches.count - 1)
        tokensPerEpoch = (minibatches.count - 1) * first.tokenCount + last.tokenCount
        (plan, time) = try await TimeEstimate.measured(trainer)
    }
}
