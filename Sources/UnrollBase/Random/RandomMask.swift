/// Which numbers of a tensor a training step keeps, drawn by their place and by nothing else.
///
/// Every engine, with any number of threads and any layout in memory, leaves out the same ones. A block of Philox
/// decides about eight neighboring units with 16 bits each, so probabilities are multiples of 2⁻¹⁶.
package struct RandomMask: Sendable, Equatable {
    /// What the mask is laid over; masks of different sites and steps are independent of each other.
    package enum Site: Sendable, Equatable {
        /// The output of a layer on its way up: time, row of the minibatch, unit.
        case output(layer: Int)
        /// The vectors of tokens: row is the token, and the mask is looked at for unit 0 alone.
        case embedding
        /// The recurrent weights of a layer: time is the gate, row the unit of the previous output.
        case recurrentWeights(layer: Int)
        /// The new value of a state, in whose place the old one may stay: time, row of the minibatch, unit.
        case newState(layer: Int, state: Int)

        fileprivate var number: UInt32 {
            switch self {
            case .output(let layer): 1 << 28 | UInt32(truncatingIfNeeded: layer)
            case .embedding: 2 << 28
            case .recurrentWeights(let layer): 3 << 28 | UInt32(truncatingIfNeeded: layer)
            case .newState(let layer, let state):
                4 << 28 | UInt32(truncatingIfNeeded: state) << 8 | UInt32(truncatingIfNeeded: layer)
            }
        }
    }

    /// The key of the mask's own Philox.
    package let key: SIMD2<UInt32>
    /// Of 65,536 values of 16 bits, how many leave a number out.
    package let threshold: UInt32

    /// Describes a mask.
    ///
    /// - Parameters:
    ///   - probability: The share of numbers that are left out, at least 0 and below 1.
    ///   - site: What the mask is laid over.
    ///   - seed: The seed of the run.
    ///   - step: How many steps the run has done.
    package init(probability: Float, site: Site, seed: UInt64, step: Int) {
        let words = Philox.block(
            counter: (
                UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32), site.number,
                RandomSource.Purpose.masks.rawValue
            ),
            key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        key = [words.0, words.1]
        threshold = UInt32(min(max((probability * 65_536).rounded(), 0), 65_535))
    }

    /// Whether the number at a place is kept.
    package func keeps(time: Int, row: Int, unit: Int) -> Bool {
        let block = Philox.block(
            counter: (
                UInt32(truncatingIfNeeded: unit / 8), UInt32(truncatingIfNeeded: row),
                UInt32(truncatingIfNeeded: time), 0
            ), key: (key.x, key.y))
        let words = [block.0, block.1, block.2, block.3]
        return words[unit % 8 / 2] >> (unit % 2 * 16) & 0xFFFF >= threshold
    }
}
