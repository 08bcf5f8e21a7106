/// Keeps the fewest most probable tokens that have this probability together: the nucleus (Holtzman et al.: "The
/// curious case of neural text degeneration", 2020).
///
/// Of equally probable tokens those with the lower ids come first.
struct TopP {
    private let mass: Double
    private var candidates: [Int] = []

    init(_ mass: Double) {
        self.mass = mass
    }

    mutating func apply(to weights: inout [Double]) {
        let total = weights.reduce(0, +)
        // All tokens below this have less than 1 - mass together, so that none of them needs to be sorted.
        let least = (1 - mass) * total / Double(weights.count)
        candidates.removeAll(keepingCapacity: true)
        for token in weights.indices where weights[token] >= least { candidates.append(token) }
        candidates.sort {
            weights[$0] == weights[$1] ? $0 < $1 : weights[$0] > weights[$1]
        }
        var sum = 0.0
        let kept = candidates.prefix(while: { token in
            defer { sum += weights[token] }
            return sum < mass * total
        })
        guard let last = kept.last else { return }
        let bound = weights[last]
        for token in weights.indices
        where weights[token] < bound || weights[token] == bound && token > last { weights[token] = 0 }
    }
}
