import ArgumentParser
import Unroll

/// What the model is made of and how it is trained.
struct TrainingFlags: ParsableArguments {
    @Option(help: "The recurrent cell.")
    var cell = CellName(type: TanhCell.self)

    @Option(parsing: .unconditional, help: "Hidden units of every layer.")
    var hidden = 512

    @Option(parsing: .unconditional, help: "Recurrent layers, each reading the one below.")
    var layers = 1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What the first layer sees of a token: one-hot, or a learned vector of N numbers.",
            valueName: "one-hot|N"))
    var embedding = EmbeddingSize(value: nil)

    @Flag(help: "Use the embedding's weights in the output too; needs --embedding equal to --hidden.")
    var tieWeights = false

    @Flag(help: "Learn one bias in each layer, as the book's networks, instead of PyTorch's two.")
    var singleBias = false

    @Option(parsing: .unconditional, help: "Sequences side by side.")
    var batch = 32

    @Option(parsing: .unconditional, help: "Tokens through which the gradient goes back.")
    var steps = 35

    @Option(
        help: """
            How the text is cut: strands side by side (consecutive: from the same place in every epoch), shuffled \
            pieces, or all overlapping windows (default: sequential; random for the bundled story).
            """)
    var sampling: Partitioning?

    @Option(
        parsing: .unconditional,
        help: "Epochs in which strands keep their state; then it is zero in every minibatch (default: all).")
    var carriedEpochs: Int?

    @Option(
        parsing: .unconditional, help: "With --sampling windows: train on the first N windows (default: all)."
    )
    var windows: Int?

    @Option(parsing: .unconditional, help: "With --windows: validate on the next N windows.")
    var validationWindows: Int?

    @Option(
        parsing: .unconditional,
        help: "Passes over the text (default: enough for six million tokens, 1 to 500).")
    var epochs: Int?

    @Option(
        parsing: .unconditional,
        help: "The share of the text, at its end, to hold out and validate on, such as 0.1.")
    var validation: Double?

    @Option(help: "First values: uniform (as PyTorch), normal (0.01, as the book) or orthogonal.")
    var initializer: WeightInitializer = .uniform

    @Option(
        parsing: .unconditional,
        help: "What all randomness is derived from: the same seed gives the same model (default: 0).")
    var seed: UInt64?

    var model: ModelConfiguration {
        ModelConfiguration(
            cell: cell.type, hiddenSize: hidden, layerCount: layers, embeddingSize: embedding.value,
            tiesWeights: tieWeights, hasSingleBias: singleBias)
    }

    /// Checks what can be checked without a text.
    func validateValues() throws {
        for (name, value) in [("--hidden", hidden), ("--batch", batch), ("--steps", steps)] where value < 1 {
            throw ValidationError("\(name) is \(value) but must be at least 1")
        }
        do {
            try model.check()
        } catch .invalidHiddenSize {
            // What is too large for the machine's memory is said so once the text is known.
        } catch {
            throw ValidationError(error.description)
        }
        if let epochs, epochs < 1 { throw ValidationError("--epochs is \(epochs) but must be at least 1") }
    }

    func options(for corpus: Corpus, isBundledStory: Bool, precision: Precision) -> TrainingOptions {
        TrainingOptions(
            epochs: epochs ?? Self.defaultEpochs(tokenCount: corpus.tokens.count), batchSize: batch,
            sequenceLength: steps, partitioning: sampling ?? (isBundledStory ? .random : .sequential),
            carriedEpochs: carriedEpochs, trainingWindows: windows,
            validationWindows: validationWindows,
            validationFraction: validation,
            initializer: initializer, seed: seed ?? 0, precision: precision)
    }

    /// Half a minute's work on a machine of two cores, whatever the length of the text.
    private static func defaultEpochs(tokenCount: Int) -> Int {
        min(max((6_000_000 + tokenCount - 1) / tokenCount, 1), 500)
    }
}
