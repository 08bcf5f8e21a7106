import ArgumentParser
import Unroll

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
    var keep = 1

    var policy: CheckpointPolicy {
        CheckpointPolicy(
            seconds: checkpointSeconds ?? (checkpointSteps == nil ? 15 : nil), steps: checkpointSteps,
            count: keep)
    }

    func validateValues() throws {
        do {
            try policy.check()
        } catch {
            throw ValidationError(error.description)
        }
    }
}
