/// Makes tokens less probable that occur among the last ones: positive logits are divided, negative ones multiplied.
///
/// However often a token occurs there, it is penalized once (Keskar et al.: "CTRL", 2019). Memory is bounded by the
/// window and the vocabulary, whatever the length of the text.
struct RepetitionPenalty {
    private let penalty: Double
    /// How many tokens it looks back at.
    private let window: Int
    /// The last tokens, once there are enough of them from `oldest` on, round the end.
    private var recent: [Int32] = []
    private var oldest = 0
    /// How often a token occurs among the last ones, `[V]`.
    private var counts: [Int]

    init(_ penalty: Double, window: Int, vocabularySize: Int) {
        self.penalty = penalty
        self.window = window
        counts = [Int](repeating: 0, count: vocabularySize)
    }

    /// Takes notice of a token that was read or chosen.
    mutating func observe(_ token: Int32) {
        guard counts.indices.contains(Int(token)) else { return }
        counts[Int(token)] += 1
        if recent.count < window {
            recent.append(token)
        } else {
            counts[Int(recent[oldest])] -= 1
            recent[oldest] = token
            oldest = (oldest + 1) % window
        }
    }

    func apply(to scores: inout [Double]) {
        for (token, count) in counts.enumerated() where count > 0 {
            scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty
        }
    }
}
