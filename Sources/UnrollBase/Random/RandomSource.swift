import Foundation

/// A seedable source of random numbers in which every draw has a position.
///
/// Draw `n` is a pure function of the seed, the purpose, the index and `n`, so a stream can be taken up anywhere:
/// a checkpoint stores a few integers, and engines with different thread counts draw the same masks. The function is
/// Philox4x32 with ten rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
public struct RandomSource: RandomNumberGenerator, Sendable, Hashable, Codable {
    /// What the numbers are for; sources that differ in purpose alone are independent of each other.
    public enum Purpose: UInt32, Sendable, Codable {
        /// Initial values of parameters; the index counts the tensors.
        case initialization = 1
        /// Offsets and shuffles of minibatches; the index is the epoch.
        case partitioning = 2
        /// Choice of tokens while generating.
        case generation = 3
        /// What a training step leaves out at random; `RandomMask` draws these by place.
        case masks = 4
    }

    /// The number that the whole run is derived from.
    public let seed: UInt64
    /// What the numbers are for.
    public let purpose: Purpose
    /// Separates streams of one purpose, such as the epochs of a run.
    public let index: UInt32
    /// How many 64-bit numbers have been drawn.
    public var position: UInt64

    /// Creates a source at the given position, the beginning unless said otherwise.
    public init(seed: UInt64, purpose: Purpose, index: UInt32 = 0, position: UInt64 = 0) {
        self.seed = seed
        self.purpose = purpose
        self.index = index
        self.position = position
    }

    /// Returns the next 64 random bits.
    public mutating func next() -> UInt64 {
        let block = position >> 1
        let words = Philox.block(
            counter: (
                UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), index,
                purpose.rawValue
            ),
            key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        let isFirstHalf = position & 1 == 0
        position &+= 1
        return isFirstHalf
            ? UInt64(words.1) << 32 | UInt64(words.0)
            : UInt64(words.3) << 32 | UInt64(words.2)
    }

    /// Returns a number that is uniform in `0 ..< 1`, a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Returns a number from the standard normal distribution, by the Box-Muller transform.
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    /// Returns an integer that is uniform in `0 ..< bound`, or 0 when `bound` is 0.
    ///
    /// The remainder of 64 bits is off by less than `bound` / 2⁶⁴, too little to be seen in any use here, and it
    /// draws exactly one number.
    public mutating func integer(below bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(max(bound, 0))).high)
    }

    /// Puts the elements into a random order, the same on every platform and with every version of Swift.
    @inlinable
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        for remaining in stride(from: elements.count, to: 1, by: -1) {
            elements.swapAt(remaining - 1, integer(below: remaining))
        }
    }
}
