import ArgumentParser
import Unroll

// Flags fill the properties of the same meaning in `ModelConfiguration` and `TrainingOptions`; their defaults are those of
// the properties. `FlagNames` has the name of the flag for each property.

/// The model's cell and sizes, and the options of training that are about minibatches and first values.
struct TrainingFlags: ParsableArguments {
    @Option(help: "The recurrent cell.")
    var cell = CellName(type: ModelConfiguration().cell)

    @Option(parsing: .unconditional, help: "Hidden units of every layer.")
    var hidden = ModelConfiguration().hiddenSize

    @Option(parsing: .unconditional, help: "Recurrent layers, each reading the one below.")
    var layers = ModelConfiguration().layerCount

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The first layer's input for each token: one-hot, or a learned vector of N numbers.",
            valueName: "one-hot|N"))
    var embedding = EmbeddingSize(value: ModelConfiguration().embeddingSize)

    @Flag(help: "Share the embedding's weights with the output; needs --embedding equal to --hidden.")
    var tieWeights = false

    @Flag(help: "Learn one bias in each layer, as the book's networks, instead of PyTorch's two.")
    var singleBias = false

    @Option(parsing: .unconditional, help: "Sequences in a minibatch.")
    var batch = TrainingOptions().batchSize

    @Option(parsing: .unconditional, help: "Tokens in a sequence, through which the gradient goes back.")
    var sequenceLength = TrainingOptions().sequenceLength

    @Option(
        help: """
            How the text is cut into minibatches: strands side by side (consecutive: from the same place in every \
            epoch), shuffled pieces, or all overlapping windows (default: sequential; random for the bundled story).
            """)
    var partitioning: Partitioning?

    @Option(
        parsing: .unconditional,
        help: "Epochs in which strands keep their state; later it is zero in every minibatch (default: all).")
    var statefulEpochs: Int?

    @Option(
        parsing: .unconditional,
        help: "With --partitioning windows: train on the first N windows (default: all).")
    var windows: Int?

    @Option(parsing: .unconditional, help: "With --windows: validate on the next N windows.")
    var validationWindows: Int?

    @Option(
        parsing: .unconditional,
        help: "Passes over the text (default: enough for six million tokens, 1 to 500).")
    var epochs: Int?

    @Option(
        parsing: .unconditional,
        help: "The fraction of the text, at its end, that is held out for validation, such as 0.1.")
    var validation: Double?

    @Option(help: "First values: uniform (as PyTorch), normal (0.01, as the book) or orthogonal.")
    var initializer = TrainingOptions().initializer

    @Option(
        parsing: .unconditional,
        help: "The seed of all randomness: the same seed gives the same model (default: 0).")
    var seed: UInt64?

    func apply(to model: inout ModelConfiguration) {
        model.cell = cell.type
        model.hiddenSize = hidden
        model.layerCount = layers
        model.embeddingSize = embedding.value
        model.tiesWeights = tieWeights
        model.hasSingleBias = singleBias
    }

    /// Fills the options of a run on a text of so many tokens; nil where it is not yet known.
    func apply(to options: inout TrainingOptions, tokenCount: Int?, isBundledStory: Bool) {
        if let epochs = epochs ?? tokenCount.map(Self.defaultEpochs) { options.epochs = epochs }
        options.batchSize = batch
        options.sequenceLength = sequenceLength
        options.partitioning = partitioning ?? (isBundledStory ? .random : options.partitioning)
        options.statefulEpochs = statefulEpochs
        options.trainingWindows = windows
        options.validationWindows = validationWindows
        options.validationFraction = validation
        options.initializer = initializer
        if let seed { options.seed = seed }
    }

    /// Half a minute's work on a machine of two cores, whatever the length of the text.
    private static func defaultEpochs(tokenCount: Int) -> Int {
        min(max((6_000_000 + tokenCount - 1) / tokenCount, 1), 500)
    }
}
