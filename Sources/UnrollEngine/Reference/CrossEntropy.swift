import Foundation

/// Softmax and cross-entropy of one token.
struct CrossEntropy {
    /// The loss in nats.
    let value: Double
    /// The gradient with respect to the logits: probabilities less the one-hot target.
    let gradient: [Double]

    init(logits: [Double], target: Int) {
        let greatest = logits.reduce(-.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
        let powers = logits.map { exp($0 - greatest) }
        let sum = powers.reduce(0, +)
        value = log(sum) + greatest - logits[target]
        gradient = powers.enumerated().map { $1 / sum - ($0 == target ? 1 : 0) }
    }
}
