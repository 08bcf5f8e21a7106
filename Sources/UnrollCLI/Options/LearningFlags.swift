import ArgumentParser
import Unroll
import UnrollTraining

/// How gradients become updates, and how large these are.
struct LearningFlags: ParsableArguments {
    @Option(
        help: """
            How gradients become updates; asgd is SGD whose model is a mean from when validation no longer improves.
            """)
    var optimizer: OptimizerName = .sgd

    @Option(
        parsing: .unconditional,
        help: """
            The size of a step (default: 1 for sgd and asgd, 0.1 with momentum, 0.002 for rmsprop, adam and adamw).
            """)
    var learningRate: Float?

    @Option(parsing: .unconditional, help: "The greatest norm of the gradient; 0 for no bound.")
    var clip: Float = 1

    @Option(
        parsing: .unconditional,
        help: "With momentum and nesterov: the share of a step that goes on in the next (default: 0.9).")
    var momentum: Float?

    @Option(
        parsing: .unconditional,
        help: "How strongly parameters are pulled towards 0 (default: 0.01 for adamw, otherwise 0).")
    var weightDecay: Float?

    @Option(
        parsing: .unconditional,
        help: "Make the model a running average of the parameters that decays by this, such as 0.998.")
    var averageDecay: Float?

    @Option(
        help: "How the learning rate goes down: not, by steps, each epoch, as a cosine, or on plateaus.")
    var schedule: ScheduleName = .constant

    @Option(
        parsing: .unconditional,
        help: "Steps in which the learning rate grows to the full one (default: 0).")
    var warmup: Int?

    @Option(
        parsing: .unconditional,
        help: """
            The factor of the learning rate (default: 0.5 for --schedule step and plateau, 0.95 for exponential).
            """)
    var decay: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            With --schedule step: after every N epochs (default: 10); with plateau: after more than N validations, \
            or epochs, without improvement (default: 3).
            """, valueName: "n"))
    var decayAfter: Int?

    @Option(
        parsing: .unconditional,
        help: "With --schedule cosine: the rate at the end of all --epochs (default: 0).")
    var finalRate: Double?

    var choice: LearningChoice {
        LearningChoice(
            optimizer: optimizer, learningRate: learningRate, clip: clip, momentum: momentum,
            weightDecay: weightDecay, averageDecay: averageDecay, schedule: schedule, warmup: warmup,
            decay: decay, decayAfter: decayAfter, finalRate: finalRate)
    }

    /// Checks what can be checked without the rest.
    func validateValues() throws {
        if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
            throw ValidationError("--learning-rate is \(learningRate) but must be a positive number")
        }
        if !(clip >= 0 && clip.isFinite) {
            throw ValidationError("--clip is \(clip) but must be a positive number, or 0 for no bound")
        }
        var options = TrainingOptions()
        do {
            try choice.check()
            choice.apply(to: &options)
            try options.check()
        } catch {
            throw ValidationError(error.description)
        }
    }
}
