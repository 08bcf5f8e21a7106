import ArgumentParser
import Unroll

/// Dropout and its relatives.
struct RegularizationFlags: ParsableArguments {
    @Option(parsing: .unconditional, help: "Dropout probability of each layer's output, such as 0.3.")
    var dropout = Regularization().dropout

    @Flag(help: "With --dropout: drop the same units in all steps of a sequence.")
    var variationalDropout = false

    @Option(parsing: .unconditional, help: "Dropout probability of tokens' embeddings.")
    var embeddingDropout = Regularization().embeddingDropout

    @Option(parsing: .unconditional, help: "Dropout probability of recurrent weights.")
    var weightDrop = Regularization().weightDrop

    @Option(parsing: .unconditional, help: "Zoneout probability of the hidden state, such as 0.05.")
    var zoneout = Zoneout().output

    @Option(parsing: .unconditional, help: "Zoneout probability of an LSTM's memory, such as 0.5.")
    var zoneoutMemory = Zoneout().memory

    @Option(
        parsing: .unconditional,
        help: "The fraction of a target's probability that is spread over all tokens.")
    var labelSmoothing = Regularization().labelSmoothing

    func apply(to model: inout ModelConfiguration) {
        model.zoneout = Zoneout(output: zoneout, memory: zoneoutMemory)
    }

    func apply(to options: inout TrainingOptions) {
        options.regularization.dropout = dropout
        options.regularization.usesVariationalDropout = variationalDropout
        options.regularization.embeddingDropout = embeddingDropout
        options.regularization.weightDrop = weightDrop
        options.regularization.labelSmoothing = labelSmoothing
    }
}
