/// Keeps the most probable tokens, and those that are as probable as the last of them (Fan, Lewis, Dauphin:
/// "Hierarchical neural story generation", 2018).
struct TopK {
    private let count: Int
    private var scratch: [Double] = []

    init(_ count: Int) {
        self.count = count
    }

    mutating func apply(to scores: inout [Double]) {
        guard count < scores.count else { return }
        scratch.removeAll(keepingCapacity: true)
        scratch += scores
        let least = Self.select(count, of: &scratch)
        for token in scores.indices where scores[token] < least { scores[token] = -.infinity }
    }

    /// The `rank`-th greatest of the values, which change places (Hoare: "Algorithm 65: find", 1961).
    private static func select(_ rank: Int, of values: inout [Double]) -> Double {
        var (low, high) = (0, values.count - 1)
        let target = rank - 1
        while low < high {
            let pivot = values[low + (high - low) / 2]
            var (left, right) = (low, high)
            while left <= right {
                while values[left] > pivot { left += 1 }
                while values[right] < pivot { right -= 1 }
                if left <= right {
                    values.swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
            if target <= right {
                high = right
            } else if target >= left {
                low = left
            } else {
                break
            }
        }
        return values[target]
    }
}
