import Foundation

/// A continuation that beam search has found.
public struct Hypothesis: Sendable, Equatable {
    /// What goes on from the prompt, without the stop string that ended it.
    public var text: String
    /// Its tokens, those of the stop string included.
    public var tokens: [Int32]
    /// The natural logarithm of the probability that the model gives to these tokens.
    public var logProbability: Double
    /// log p / nᵃ, by which hypotheses are compared; `n` is the number of tokens, `a` the length penalty.
    public var score: Double

    /// The score of `count` tokens, 0 for none.
    static func score(_ logProbability: Double, count: Int, lengthPenalty: Double) -> Double {
        logProbability / pow(Double(max(count, 1)), lengthPenalty)
    }
}
