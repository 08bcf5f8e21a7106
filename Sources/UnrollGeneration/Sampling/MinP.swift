/// Leaves out tokens that are less than this many times as probable as the most probable one (Nguyen et al.: "Turning
/// up the heat: min-p sampling", 2024).
struct MinP {
    let share: Double

    func apply(to weights: inout [Double]) {
        let bound = share * (weights.max() ?? 0)
        for token in weights.indices where weights[token] < bound { weights[token] = 0 }
    }
}
