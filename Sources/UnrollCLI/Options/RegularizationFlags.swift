import ArgumentParser
import Unroll

/// Dropout and its relatives; off by default.
struct RegularizationFlags: ParsableArguments {
    @Option(
        parsing: .unconditional, help: "Dropout probability of each layer's output, such as 0.3 (default: 0)."
    )
    var dropout: Float?

    @Flag(help: "With --dropout: drop the same units in all steps of a sequence.")
    var variationalDropout = false

    @Option(parsing: .unconditional, help: "Dropout probability of tokens' embeddings (default: 0).")
    var embeddingDropout: Float?

    @Option(parsing: .unconditional, help: "Dropout probability of recurrent weights (default: 0).")
    var weightDrop: Float?

    @Option(
        parsing: .unconditional, help: "Zoneout probability of the hidden state, such as 0.05 (default: 0).")
    var zoneout: Float?

    @Option(
        parsing: .unconditional, help: "Zoneout probability of an LSTM's memory, such as 0.5 (default: 0).")
    var zoneoutMemory: Float?

    @Option(
        parsing: .unconditional,
        help: "The fraction of a target's probability that is spread over all tokens (default: 0).")
    var labelSmoothing: Float?

    func apply(to model: inout ModelConfiguration) {
        if let zoneout { model.zoneout.output = zoneout }
        if let zoneoutMemory { model.zoneout.memory = zoneoutMemory }
    }

    func apply(to options: inout TrainingOptions) {
        if let dropout { options.regularization.dropout = dropout }
        if variationalDropout { options.regularization.usesVariationalDropout = true }
        if let embeddingDropout { options.regularization.embeddingDropout = embeddingDropout }
        if let weightDrop { options.regularization.weightDrop = weightDrop }
        if let labelSmoothing { options.regularization.labelSmoothing = labelSmoothing }
    }
}
