import UnrollModel

/// What keeps a model from learning its text by heart; everything is off when a model is evaluated or used.
///
/// Weight decay belongs to the `Optimizer`, zoneout and tied weights to the `ModelConfiguration`.
public struct Regularization: Sendable, Equatable, Codable {
    /// The share of each layer's output that is left out on its way up, to the next layer and to the decoder.
    ///
    /// What is left is scaled up to the same expectation. The way through time keeps everything. Zaremba, Sutskever,
    /// Vinyals, "Recurrent neural network regularization", 2014. For any model that learns its text by heart: 0.2 to
    /// 0.5.
    public var dropout: Float
    /// Whether a sequence's steps within a minibatch leave out the same units.
    ///
    /// Gal, Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", NIPS 2016. For
    /// long training of models with several layers.
    public var usesVariationalDropout: Bool
    /// The share of the vocabulary whose vectors are zero during a step.
    ///
    /// Also by Gal and Ghahramani. For words rather than characters, and only with an embedding: 0.1.
    public var embeddingDropout: Float
    /// The share of the weights between a layer's output and its gates that is left out during a step.
    ///
    /// Merity, Keskar, Socher, "Regularizing and optimizing LSTM language models", ICLR 2018. For models that are
    /// large for their text, beside dropout: 0.2 to 0.5.
    public var weightDrop: Float
    /// The share of the target's probability that is spread over all tokens, in gradients though not in losses.
    ///
    /// Szegedy et al., "Rethinking the inception architecture", CVPR 2016. Against overconfident models, at the cost of
    /// perplexity: 0.1.
    public var labelSmoothing: Float

    /// Describes a regularization; none unless said otherwise.
    public init(
        dropout: Float = 0, usesVariationalDropout: Bool = false, embeddingDropout: Float = 0,
        weightDrop: Float = 0,
        labelSmoothing: Float = 0
    ) {
        self.dropout = dropout
        self.usesVariationalDropout = usesVariationalDropout
        self.embeddingDropout = embeddingDropout
        self.weightDrop = weightDrop
        self.labelSmoothing = labelSmoothing
    }

    /// Checks that every share is one, and that there is an embedding if its vectors are to be left out.
    package func check(for configuration: ModelConfiguration) throws(EngineError) {
        let shares = [
            ("dropout (--dropout)", dropout), ("embedding dropout (--embedding-dropout)", embeddingDropout),
            ("weight drop (--weight-drop)", weightDrop),
            ("label smoothing (--label-smoothing)", labelSmoothing),
        ]
        for (name, share) in shares where !(0..<1).contains(share) {
            throw .invalidRegularization("\(name) is \(share) but must be at least 0 and below 1")
        }
        guard embeddingDropout == 0 || configuration.embeddingSize != nil else {
            throw .invalidRegularization(
                "embedding dropout (--embedding-dropout) needs an embedding (--embedding)")
        }
        guard !usesVariationalDropout || dropout > 0 else {
            throw .invalidRegularization(
                "variational dropout (--variational) needs a share to leave out (--dropout)")
        }
    }
}

/// Under what conditions a training step runs: its regularization, and what its random masks are drawn from.
public struct TrainingConditions: Sendable, Equatable {
    /// What is left out.
    public var regularization: Regularization
    /// What all randomness of the run is derived from.
    public var seed: UInt64
    /// How many steps the run has done; each has masks of its own.
    public var step: Int

    /// Describes the conditions of a step.
    public init(regularization: Regularization = Regularization(), seed: UInt64 = 0, step: Int = 0) {
        self.regularization = regularization
        self.seed = seed
        self.step = step
    }
}
