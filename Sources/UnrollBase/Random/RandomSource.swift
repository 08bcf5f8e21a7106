import Foundation

/// A seedable source of random numbers in which every draw has a position.
///
/// Draw `n` is a pure function of the seed, the purpose, the index and `n`, so a stream can be resumed anywhere. A
/// checkpoint stores a few integers, and engines with different thread counts draw the same masks. The function is
/// Philox4x32 with ten rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
public struct RandomSource: RandomNumberGenerator, Sendable, Hashable, Codable {
    /// The use of the numbers.
    ///
    /// Sources of different purposes are independent of each other.
    public enum Purpose: UInt32, Sendable, Codable {
        /// Initial values of parameters. The index is the tensor.
        case initialization = 1
        /// Offsets and shuffles of minibatches. The index is the epoch.
        case partitioning = 2
        /// Choice of tokens while generating.
        case generation = 3
        /// The values that a training step drops at random, drawn by place.
        case masks = 4
    }

    /// The seed of the whole run.
    public let seed: UInt64
    /// The use of the numbers.
    public let purpose: Purpose
    /// Separates streams of one purpose, such as the epochs of a run.
    public let index: UInt32
    /// The number of 64-bit numbers drawn so far.
    public var position: UInt64

    /// Creates a source.
    ///
    /// - Parameters:
    ///   - seed: The seed of the whole run.
    ///   - purpose: The use of the numbers.
    ///   - index: The stream among those of this purpose. Default: 0.
    ///   - position: The number of draws to skip. Default: 0.
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

    /// Returns a uniform number in `0 ..< 1`, a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Returns a number from the standard normal distribution, by the Box-Muller transform.
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    /// Returns a uniform integer in `0 ..< bound`, or 0 when `bound` is 0 or less.
    ///
    /// It draws exactly one number. Its probabilities are off by less than `bound` / 2⁶⁴, which no use here can notice.
    public mutating func integer(below bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(max(bound, 0))).high)
    }

    /// Shuffles the elements, in the same way on every platform and with every version of Swift.
    @inlinable
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        for remaining in stride(from: elements.count, to: 1, by: -1) {
            elements.swapAt(remaining - 1, integer(below: remaining))
        }
    }
}

/// The Philox4x32-10 bijection: ten rounds that turn a counter into random bits under a key.
package enum Philox {
    package typealias Counter = (UInt32, UInt32, UInt32, UInt32)

    package static func block(counter: Counter, key: (UInt32, UInt32)) -> Counter {
        var (x0, x1, x2, x3) = counter
        var (k0, k1) = key
        for _ in 0..<10 {
            let a = UInt64(x0) * 0xD251_1F53
            let b = UInt64(x2) * 0xCD9E_8D57
            (x0, x1, x2, x3) = (
                UInt32(b >> 32) ^ x1 ^ k0, UInt32(truncatingIfNeeded: b),
                UInt32(a >> 32) ^ x3 ^ k1, UInt32(truncatingIfNeeded: a)
            )
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return (x0, x1, x2, x3)
    }
}
