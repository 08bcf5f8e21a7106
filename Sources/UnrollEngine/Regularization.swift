import UnrollBase
import UnrollModel

/// What keeps a model from memorizing its text; everything is off when a model is evaluated or used.
///
/// Weight decay belongs to the `Optimizer`, zoneout and tied weights to the `ModelConfiguration`.
public struct Regularization: Sendable, Equatable, Codable {
    /// The dropout probability of each layer's output on its way up, to the next layer and to the decoder, in 0..<1.
    ///
    /// Default: 0.
    ///
    /// What remains is scaled up to the same expectation. The path through time keeps everything. Zaremba, Sutskever,
    /// Vinyals, "Recurrent neural network regularization", 2014. For any model that memorizes its text: 0.2 to 0.5.
    public var dropout: Float
    /// Whether all steps of a sequence in a minibatch drop the same units; needs `dropout`.
    ///
    /// Default: false.
    ///
    /// Gal, Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", NIPS 2016. For
    /// long training of models with several layers.
    public var usesVariationalDropout: Bool
    /// The dropout probability of a token's whole vector during a step, in 0..<1.
    ///
    /// Default: 0.
    ///
    /// Also by Gal and Ghahramani. For words rather than characters, and only with an embedding: 0.1.
    public var embeddingDropout: Float
    /// The dropout probability of each weight between a layer's output and its gates during a step, in 0..<1.
    ///
    /// Default: 0.
    ///
    /// Merity, Keskar, Socher, "Regularizing and optimizing LSTM language models", ICLR 2018. For models that are
    /// large for their text, beside dropout: 0.2 to 0.5.
    public var weightDrop: Float
    /// The share of the target's probability that is spread over all tokens, in gradients but not in losses, in 0..<1.
    ///
    /// Default: 0.
    ///
    /// Szegedy et al., "Rethinking the inception architecture", CVPR 2016. Against overconfident models, at the cost of
    /// perplexity: 0.1.
    public var labelSmoothing: Float

    /// Creates a regularization.
    ///
    /// Default: none.
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

    /// Checks that every probability is in its range and has an effect.
    ///
    /// - Throws: `ParameterError` for `dropout`, `embeddingDropout`, `weightDrop`, `labelSmoothing` or
    ///   `usesVariationalDropout`.
    package func check(for configuration: ModelConfiguration) throws(ParameterError) {
        for (name, share) in [
            ("dropout", dropout), ("embeddingDropout", embeddingDropout), ("weightDrop", weightDrop),
            ("labelSmoothing", labelSmoothing),
        ] {
            try ParameterError.require((0..<1).contains(share), name, is: share, but: "in 0..<1")
        }
        guard embeddingDropout == 0 || configuration.embeddingSize != nil else {
            throw .needs(parameter: "embeddingDropout", other: "embeddingSize")
        }
        guard !usesVariationalDropout || dropout > 0 else {
            throw .needs(parameter: "usesVariationalDropout", other: "dropout")
        }
    }
}

/// What the random masks of a training step are drawn from: the regularization, the run's seed and the step.
public struct StepRandomness: Sendable, Equatable {
    /// What is left out.
    public var regularization: Regularization
    /// The seed of the run.
    public var seed: UInt64
    /// Steps that the run has made before; each step has masks of its own.
    public var step: Int

    /// Creates the randomness of a step.
    public init(regularization: Regularization = Regularization(), seed: UInt64 = 0, step: Int = 0) {
        self.regularization = regularization
        self.seed = seed
        self.step = step
    }
}

/// The random masks of one training step.
package struct StepMasks {
    /// What is left out.
    package let regularization: Regularization
    private let zoneout: Zoneout
    private let seed: UInt64
    private let step: Int

    package init(_ randomness: StepRandomness, of configuration: ModelConfiguration) {
        regularization = randomness.regularization
        zoneout = configuration.zoneout
        seed = randomness.seed
        step = randomness.step
    }

    /// A mask, and the factor of the numbers that it keeps.
    package struct Mask {
        package let random: RandomMask
        package let scale: Float

        package init(random: RandomMask, scale: Float) {
            self.random = random
            self.scale = scale
        }
    }

    /// The mask of a layer's output on its way up.
    package func output(layer: Int) -> Mask? {
        mask(.output(layer: layer), leavingOut: regularization.dropout)
    }

    /// The time at which a step looks up the mask of an output: the same for all steps with variational dropout.
    func outputTime(_ time: Int) -> Int { regularization.usesVariationalDropout ? 0 : time }

    /// The mask of the tokens' vectors.
    package var embedding: Mask? { mask(.embedding, leavingOut: regularization.embeddingDropout) }

    /// The mask of a layer's recurrent weights.
    package func recurrentWeights(layer: Int) -> Mask? {
        mask(.recurrentWeights(layer: layer), leavingOut: regularization.weightDrop)
    }

    /// The mask of a state's change; what remains is not scaled up.
    package func newState(layer: Int, state: Int) -> RandomMask? {
        mask(.newState(layer: layer, state: state), leavingOut: zoneout.probability(ofState: state))?.random
    }

    /// Whether anything but tokens' vectors is left out at random.
    var isDense: Bool {
        regularization.dropout > 0 || regularization.weightDrop > 0 || zoneout != Zoneout()
    }

    private func mask(_ site: RandomMask.Site, leavingOut share: Float) -> Mask? {
        guard share > 0 else { return nil }
        return Mask(
            random: RandomMask(probability: share, site: site, seed: seed, step: step), scale: 1 / (1 - share)
        )
    }
}
