import ArgumentParser
import Unroll

// Flags fill the properties of the same meaning in `ModelConfiguration` and `TrainingOptions`; what is not given stays as it
// is, at its default or as a run or a recipe has settled it (`SettledOptions`). `FlagNames` has the name of the flag for each
// property.

/// The model's cell and sizes, and the options of training that are about minibatches and first values.
struct TrainingFlags: ParsableArguments {
    @Option(help: "The recurrent cell (default: \(ModelConfiguration().cell.name)).")
    var cell: CellName?

    @Option(
        parsing: .unconditional,
        help: "Hidden units of every layer (default: \(ModelConfiguration().hiddenSize)).")
    var hidden: Int?

    @Option(
        parsing: .unconditional,
        help: "Recurrent layers, each reading the one below (default: \(ModelConfiguration().layerCount)).")
    var layers: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The first layer's input for each token: one-hot, or a learned vector of N numbers (default: one-hot).",
            valueName: "one-hot|N"))
    var embedding: EmbeddingSize?

    @Flag(help: "Share the embedding's weights with the output; needs --embedding equal to --hidden.")
    var tieWeights = false

    @Flag(help: "Learn one bias in each layer, as the book's networks, instead of PyTorch's two.")
    var singleBias = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Let counts of sequences of up to N tokens predict beside the network, or none (default: none).",
            valueName: "none|N"))
    var ngrams: NGramOrder?

    @Option(
        parsing: .unconditional,
        help:
            "With --ngrams: the share of the counts in each probability (default: \(NGramConfiguration().weight))."
    )
    var ngramWeight: Double?

    @Option(
        parsing: .unconditional,
        help: """
            Sequences in a minibatch or, with --shards, in each of them (default: \(TrainingOptions().batchSize)).
            """)
    var batch: Int?

    @Option(
        parsing: .unconditional,
        help: """
            Shards of a minibatch, which the processes that mpirun or srun has started share out (default: \
            \(TrainingOptions().shards)).
            """)
    var shards: Int?

    @Option(
        parsing: .unconditional,
        help: """
            Tokens in a sequence, through which the gradient goes back (default: \(TrainingOptions().sequenceLength)).
            """)
    var sequenceLength: Int?

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
        help: "End the run after so many minibatches, also in the middle of an epoch (default: never).")
    var maxSteps: Int?

    @Option(
        parsing: .unconditional,
        help: "The fraction of the text, at its end, that is held out for validation, such as 0.1.")
    var validation: Double?

    @Option(
        help: """
            First values: uniform (as PyTorch), normal (0.01, as the book) or orthogonal (default: \
            \(TrainingOptions().initializer.rawValue)).
            """)
    var initializer: WeightInitializer?

    @Option(
        parsing: .unconditional,
        help: "The seed of all randomness: the same seed gives the same model (default: 0).")
    var seed: UInt64?

    func apply(to model: inout ModelConfiguration) throws(ParameterError) {
        if let cell { model.cell = cell.type }
        if let hidden { model.hiddenSize = hidden }
        if let layers { model.layerCount = layers }
        if let embedding { model.embeddingSize = embedding.value }
        if tieWeights { model.tiesWeights = true }
        if singleBias { model.hasSingleBias = true }
        if let ngrams {
            let weight = model.ngrams?.weight ?? NGramConfiguration().weight
            model.ngrams = ngrams.value.map { NGramConfiguration(order: $0, weight: weight) }
        }
        if let ngramWeight {
            guard model.ngrams != nil else { throw .needs(parameter: "ngrams.weight", other: "ngrams") }
            model.ngrams?.weight = ngramWeight
        }
    }

    func apply(to options: inout TrainingOptions) {
        if let epochs { options.epochs = epochs }
        if let maxSteps { options.maxSteps = maxSteps }
        if let batch { options.batchSize = batch }
        if let shards { options.shards = shards }
        if let sequenceLength { options.sequenceLength = sequenceLength }
        if let partitioning { options.partitioning = partitioning }
        if let statefulEpochs { options.statefulEpochs = statefulEpochs }
        if let windows { options.trainingWindows = windows }
        if let validationWindows { options.validationWindows = validationWindows }
        if let validation { options.validationFraction = validation }
        if let initializer { options.initializer = initializer }
        if let seed { options.seed = seed }
    }

    /// Half a minute's work on a machine of two cores, whatever the length of the text.
    static func defaultEpochs(tokenCount: Int) -> Int {
        min(max((6_000_000 + tokenCount - 1) / tokenCount, 1), 500)
    }
}
