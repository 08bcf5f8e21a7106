import UnrollBase

/// The numbers below a count in random order, in memory that is bounded for any count.
enum SampleOrder: Sendable {
    /// A shuffle of all numbers, four bytes each.
    case table([UInt32])
    /// A permutation that is computed, for more numbers than a table is to have.
    case permutation(RandomPermutation)

    /// The entries of the longest table: 16 MB.
    private static let longestTable = 1 << 22

    init(count: Int, random: inout RandomSource) {
        if count <= Self.longestTable {
            var order = Array(0..<UInt32(count))
            random.shuffle(&order)
            self = .table(order)
        } else {
            self = .permutation(RandomPermutation(count: count, random: &random))
        }
    }

    var count: Int {
        switch self {
        case .table(let order): order.count
        case .permutation(let permutation): permutation.count
        }
    }

    subscript(index: Int) -> Int {
        switch self {
        case .table(let order): Int(order[index])
        case .permutation(let permutation): permutation[index]
        }
    }
}

/// The numbers below a count in an order that a few keys determine, each computed when it is asked for.
///
/// A number is `left * width + right`. In every round one half changes by a keyed function of the other, which can be
/// undone, so that no two numbers become one. A result on or above the count goes through the rounds again until it is
/// below (the generalized Feistel cipher with cycle walking of Black and Rogaway, "Ciphers with arbitrary finite
/// domains", CT-RSA 2002). The rounds are twice as many as it takes to look random to a reader of all numbers.
package struct RandomPermutation: Sendable {
    /// The number of numbers.
    package let count: Int
    private let height: UInt64
    private let width: UInt64
    private let keys: [UInt64]

    private static let rounds = 8

    /// Draws the keys of a permutation of 1 to 2⁶² numbers.
    package init(count: Int, random: inout RandomSource) {
        self.count = count
        width = UInt64(Double(count).squareRoot().rounded(.up))
        height = (UInt64(count) - 1) / width + 1
        keys = (0..<Self.rounds).map { _ in random.next() }
    }

    /// The number at an index in `0..<count`.
    package subscript(index: Int) -> Int {
        var number = UInt64(index)
        repeat {
            var (left, right) = (number / width, number % width)
            for round in stride(from: 0, to: keys.count, by: 2) {
                left = (left + Self.mix(right ^ keys[round]) % height) % height
                right = (right + Self.mix(left ^ keys[round + 1]) % width) % width
            }
            number = left * width + right
        } while number >= count
        return Int(number)
    }

    /// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    private static func mix(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}
