import UnrollBase
import UnrollModel

/// The random masks of one training step.
struct StepMasks {
    /// What is left out.
    let regularization: Regularization
    private let zoneout: Zoneout
    private let seed: UInt64
    private let step: Int

    init(_ conditions: TrainingConditions, of configuration: ModelConfiguration) {
        regularization = conditions.regularization
        zoneout = configuration.zoneout
        seed = conditions.seed
        step = conditions.step
    }

    /// A mask and what it multiplies kept numbers with.
    struct Mask {
        let random: RandomMask
        let scale: Float
    }

    /// The mask of a layer's output on its way up.
    func output(layer: Int) -> Mask? {
        mask(.output(layer: layer), leavingOut: regularization.dropout)
    }

    /// The time that a step looks at the mask of an output for: the same for all if that is wanted.
    func outputTime(_ time: Int) -> Int { regularization.usesVariationalDropout ? 0 : time }

    /// The mask of the tokens' vectors.
    var embedding: Mask? { mask(.embedding, leavingOut: regularization.embeddingDropout) }

    /// The mask of a layer's recurrent weights.
    func recurrentWeights(layer: Int) -> Mask? {
        mask(.recurrentWeights(layer: layer), leavingOut: regularization.weightDrop)
    }

    /// The mask of a state's change, which nothing makes up for.
    func newState(layer: Int, state: Int) -> RandomMask? {
        mask(.newState(layer: layer, state: state), leavingOut: zoneout.probability(ofState: state))?.random
    }

    /// Whether anything is left out at random but tokens' vectors.
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
