import Foundation

/// Notices losses that stay far above that of tokens drawn at random: a run that has diverged, though every number is
/// finite.
///
/// A run begins at the loss of tokens drawn uniformly, ln V, and learns to do better. One that is too fast at first may be
/// ten times worse, as a perplexity, and learn all the same, but not for long. Of 256 runs with four cells, four optimizers,
/// learning rates of 0.01 to 1000, and clipping or none, every one that was there in 50 steps more than not, and was left
/// alone, ended no better than the frequencies of the tokens.
package struct DivergenceGauge: Codable, Equatable, Sendable {
    /// Steps far above random, less those that were not, at least 0.
    package private(set) var count = 0

    /// How many more steps must have been far above random than not: a single spike means nothing.
    private static let limit = 50

    package init() {}

    /// The highest loss that is not far above random, in nats per token: a perplexity of ten times the vocabulary's size.
    package static func highestLoss(vocabularySize: Int) -> Double {
        log(10 * Double(vocabularySize))
    }

    /// Adds the mean loss of a step; returns whether training has diverged.
    package mutating func observe(_ loss: Double, vocabularySize: Int) -> Bool {
        count = max(0, count + (loss > Self.highestLoss(vocabularySize: vocabularySize) ? 1 : -1))
        return count >= Self.limit
    }
}
