import ArgumentParser
import Unroll

/// What keeps a model from learning its text by heart.
struct RegularizationFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "The share of each layer's output that a step leaves out at random, such as 0.3.")
    var dropout: Float = 0

    @Flag(help: "With --dropout: leave out the same units in all steps of a sequence.")
    var variational = false

    @Option(
        parsing: .unconditional,
        help: "The share of the tokens whose embedding is left out.")
    var embeddingDropout: Float = 0

    @Option(
        parsing: .unconditional, help: "The share of the recurrent weights that is left out.")
    var weightDrop: Float = 0

    @Option(
        parsing: .unconditional,
        help: "How probable it is that a unit's output stays as it was, such as 0.05.")
    var zoneout: Float = 0

    @Option(
        parsing: .unconditional,
        help: "The same for the memory of an LSTM, such as 0.5.")
    var zoneoutMemory: Float = 0

    @Option(
        parsing: .unconditional,
        help: "The share of a target's probability that is spread over all tokens.")
    var labelSmoothing: Float = 0

    func apply(to model: inout ModelConfiguration) {
        model.zoneout = Zoneout(output: zoneout, memory: zoneoutMemory)
    }

    func apply(to options: inout TrainingOptions) {
        options.regularization = Regularization(
            dropout: dropout, usesVariationalDropout: variational, embeddingDropout: embeddingDropout,
            weightDrop: weightDrop, labelSmoothing: labelSmoothing)
    }

    /// Checks that the shares are some, and that a model of this kind has what they are about.
    func validateValues(for model: ModelConfiguration) throws {
        var model = model
        apply(to: &model)
        var options = TrainingOptions()
        apply(to: &options)
        do {
            try model.check()
        } catch .invalidHiddenSize {
            // What is too large for the machine's memory is said so once the text is known.
        } catch {
            throw ValidationError(error.description)
        }
        do {
            try options.regularization.check(for: model)
        } catch {
            throw ValidationError(error.description)
        }
    }
}
