import ArgumentParser
import Unroll

/// When a run validates, stops and recovers.
struct GuardFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Validate every N minibatches too, and not only at the end of each epoch.", valueName: "n"))
    var validateSteps: Int?

    @Option(
        parsing: .unconditional,
        help: "Stop when so many validations in a row bring no improvement (default: never).")
    var patience: Int?

    @Option(
        parsing: .unconditional,
        help: "With --patience: the share of the perplexity that is an improvement (default: 0).")
    var minimumImprovement: Double?

    @Option(
        parsing: .unconditional, help: "With --patience: train for so many epochs in any case (default: 0).")
    var minimumEpochs: Int?

    @Option(
        parsing: .unconditional,
        help: """
            How often to go back to good parameters, at half the rate, when the loss is no number; 0 ends the run.
            """)
    var recoveries = 3

    /// Checks what can be checked without a text.
    func validateValues() throws {
        if patience == nil, minimumImprovement != nil || minimumEpochs != nil {
            throw ValidationError("--minimum-improvement and --minimum-epochs need --patience")
        }
        var options = TrainingOptions()
        apply(to: &options)
        do {
            try options.check()
        } catch {
            throw ValidationError(error.description)
        }
    }

    func apply(to options: inout TrainingOptions) {
        options.validationSteps = validateSteps
        options.recoveries = recoveries
        options.earlyStopping = patience.map {
            EarlyStopping(
                patience: $0, minimumImprovement: minimumImprovement ?? 0, minimumEpochs: minimumEpochs ?? 0)
        }
    }
}
