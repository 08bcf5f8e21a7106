import Foundation
import UnrollText

/// The frequencies of tokens, counted in a text.
package struct UnigramModel: Sendable {
    private let counts: [Int]
    private let total: Int

    /// Counts the tokens of a text.
    package init(of tokens: TokenIDs, vocabularySize: Int) {
        var counts = [Int](repeating: 0, count: vocabularySize)
        for token in tokens { counts[Int(token)] += 1 }
        self.counts = counts
        total = tokens.count
    }

    /// The mean nats of a token of the counted text: its entropy.
    package var entropy: Double {
        counts.reduce(0) { nats, count in
            guard count > 0 else { return nats }
            let share = Double(count) / Double(total)
            return nats - share * log(share)
        }
    }

    /// The probability of a token in another text.
    ///
    /// Every token counts half an occurrence more, so that unseen ones are possible (Krichevsky and Trofimov, 1981).
    package func probability(of token: Int32) -> Double {
        (Double(counts[Int(token)]) + 0.5) / (Double(total) + Double(counts.count) / 2)
    }

    /// The mean nats of the tokens of another text after the first.
    package func nats(of tokens: TokenIDs) -> Double {
        tokens.dropFirst().reduce(0) { $0 - log(probability(of: $1)) } / Double(max(tokens.count - 1, 1))
    }
}
