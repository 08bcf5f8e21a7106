import Foundation

/// Softmax and cross-entropy of one token.
struct CrossEntropy {
    /// The loss in nats.
    let value: Double
    /// The gradient with respect to the logits: probabilities less the one-hot target.
    let gradient: [Double]

    /// Computes both; a share of the target's probability, `smoothing`, is spread over all tokens for the gradient.
    init(logits: [Double], target: Int, smoothing: Double = 0) {
        let greatest = logits.reduce(-.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
        let powers = logits.map { exp($0 - greatest) }
        let sum = powers.reduce(0, +)
        value = log(sum) + greatest - logits[target]
        gradient = powers.enumerated().map {
            $1 / sum - ($0 == target ? 1 - smoothing : 0) - smoothing / Double(logits.count)
        }
    }
}
