import UnrollBase

/// The numbers below a count in random order, in memory that is bounded whatever the count.
enum SampleOrder: Sendable {
    /// A shuffle of all numbers, four bytes each.
    case table([UInt32])
    /// So many numbers that a table would be large.
    case permutation(RandomPermutation)

    /// The longest table: 16 MB.
    static let longestTable = 1 << 22

    init(of count: Int, longestTable: Int = Self.longestTable, random: inout RandomSource) {
        if count <= longestTable {
            var order = Array(0..<UInt32(count))
            random.shuffle(&order)
            self = .table(order)
        } else {
            self = .permutation(RandomPermutation(of: count, random: &random))
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
