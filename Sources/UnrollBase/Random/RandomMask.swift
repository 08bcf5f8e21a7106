/// The values of a tensor that a training step keeps, drawn by their place alone.
///
/// Every engine drops the same values, with any number of threads and any layout in memory. A block of Philox decides
/// about eight neighboring units with 16 bits each, so probabilities are multiples of 2⁻¹⁶.
package struct RandomMask: Sendable, Equatable {
    /// The values that a mask applies to.
    ///
    /// Masks of different sites and steps are independent of each other.
    package enum Site: Sendable, Equatable {
        /// The output of a layer to the next one: time, row of the minibatch, unit.
        case output(layer: Int)
        /// The vectors of tokens: the row is the token, and unit 0 decides for the whole vector.
        case embedding
        /// The recurrent weights of a layer: the time is the gate, the row the unit of the previous output.
        case recurrentWeights(layer: Int)
        /// The new value of a state, which the old one may replace: time, row of the minibatch, unit.
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
    /// The number of 16-bit values, of 65,536, that drop a value.
    package let threshold: UInt32

    /// Describes a mask.
    ///
    /// - Parameters:
    ///   - probability: The probability of dropping a value, in 0..<1.
    ///   - site: The values that the mask applies to.
    ///   - seed: The seed of the run.
    ///   - step: The number of steps done so far.
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

    /// Whether the value at a place is kept.
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
