import ArgumentParser
import Unroll
import UnrollBase

/// When a run validates, stops and recovers.
struct GuardFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Validate every N minibatches too, and not only at the end of each epoch.", valueName: "n"))
    var validateSteps: Int?

    @Option(
        parsing: .unconditional,
        help: "Stop after so many consecutive validations without improvement (default: never).")
    var patience: Int?

    @Option(
        parsing: .unconditional,
        help: "With --patience: the fraction of the perplexity that is an improvement (default: 0).")
    var minimumImprovement: Double?

    @Option(parsing: .unconditional, help: "With --patience: epochs to train in any case (default: 0).")
    var minimumEpochs: Int?

    @Option(
        parsing: .unconditional,
        help: """
            How often to return to good parameters, at half the learning rate, when training diverges; 0 stops the run \
            (default: \(TrainingOptions().maxRecoveries)).
            """)
    var maxRecoveries: Int?

    func apply(to options: inout TrainingOptions) throws(ParameterError) {
        if let validateSteps { options.validationSteps = validateSteps }
        if let maxRecoveries { options.maxRecoveries = maxRecoveries }
        if let patience {
            options.earlyStopping = options.earlyStopping ?? EarlyStopping(patience: patience)
            options.earlyStopping?.patience = patience
        }
        for (name, isGiven) in [
            ("minimumImprovement", minimumImprovement != nil), ("minimumEpochs", minimumEpochs != nil),
        ] where isGiven && options.earlyStopping == nil {
            throw .needs(parameter: name, other: "patience")
        }
        if let minimumImprovement { options.earlyStopping?.minimumImprovement = minimumImprovement }
        if let minimumEpochs { options.earlyStopping?.minimumEpochs = minimumEpochs }
    }
}

/// When checkpoints are written, and how many are kept.
struct CheckpointFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "Seconds between checkpoints (default: 15, or none with --checkpoint-steps).")
    var checkpointSeconds: Double?

    @Option(
        parsing: .unconditional, help: "Steps of training between checkpoints, if that is sooner.")
    var checkpointSteps: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Keep the last N checkpoints, each a model folder in 'checkpoints'; 1 is the model folder alone.",
            valueName: "n"))
    var keep = CheckpointPolicy().count

    var policy: CheckpointPolicy {
        CheckpointPolicy(
            seconds: checkpointSeconds ?? (checkpointSteps == nil ? CheckpointPolicy().seconds : nil),
            steps: checkpointSteps, count: keep)
    }
}
