import Foundation
import UnrollText

/// The probability of a token after the few before it, counted in a text.
///
/// Interpolated Kneser-Ney with three discounts for each length (Chen and Goodman, "An empirical study of smoothing
/// techniques for language modeling", 1998): the longest sequences are counted as they occur, shorter ones by how many
/// different tokens stand before them, and what discounting takes from those seen goes to the shorter context, at last to
/// all `V` tokens alike. Probabilities over the vocabulary sum to one after any context.
package struct NGramModel: Sendable {
    /// Sequences of one length `n`, and what follows those of `n - 1` tokens.
    private struct Level: Sendable {
        var sequences = SequenceTable()
        /// By sequence; see above for what is counted.
        var counts: [UInt32] = []
        /// By the sequence before the last token.
        var contexts: [Context] = []
        var discounts = Discounts(counts: [])

        /// Mixes what is known with the probability that a shorter context gives.
        func interpolated(_ shorter: Double, sequence: Int?, context: Int) -> Double {
            let followers = contexts[context]
            // The end of the text has no followers.
            guard followers.total > 0 else { return shorter }
            let freed =
                discounts.once * Double(followers.once) + discounts.twice * Double(followers.twice)
                + discounts.more * Double(followers.more)
            let kept = sequence.map { Double(counts[$0]) - discounts[counts[$0]] } ?? 0
            return (kept + freed * shorter) / Double(followers.total)
        }
    }

    /// What follows a sequence.
    private struct Context: Sendable {
        /// All that was counted, and distinct tokens that were counted once, twice, more often.
        var total: UInt32 = 0
        var once: UInt32 = 0
        var twice: UInt32 = 0
        var more: UInt32 = 0

        mutating func add(_ count: UInt32) {
            total += count
            switch count {
            case 1: once += 1
            case 2: twice += 1
            default: more += 1
            }
        }
    }

    /// The tokens before the next one, as far as the model looks back.
    package struct History: Sendable {
        /// The number of the sequence of 1, 2 … tokens that ends here; nil for one that the model has not seen.
        fileprivate var sequences: [Int?]
    }

    private var levels: [Level]
    private let vocabularySize: Int

    /// Counts the sequences of a text.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - vocabularySize: `V`, unseen tokens included.
    ///   - order: The greatest length of a sequence, the token itself included.
    package init(of tokens: TokenIDs, vocabularySize: Int, order: Int = 5) {
        levels = Array(repeating: Level(), count: order)
        self.vocabularySize = vocabularySize
        // The sequences of 1, 2 … tokens that end at the last position.
        var ending = [Int](repeating: 0, count: order)
        for (position, token) in tokens.enumerated() {
            // The longest always counts, be it for the beginning of the text that stands before it.
            var isCounted = true
            for level in stride(from: min(order - 1, position), through: 0, by: -1) {
                let (number, isNew) = levels[level].sequences.insert(
                    prefix: level == 0 ? 0 : ending[level - 1], token: token)
                if isNew { levels[level].counts.append(0) }
                if isCounted { levels[level].counts[number] += 1 }
                // A longer one that is new is a token that had not stood before the shorter one.
                isCounted = isNew
                ending[level] = number
            }
        }
        for level in levels.indices {
            var contexts = [Context](
                repeating: Context(), count: level == 0 ? 1 : levels[level - 1].sequences.count)
            for (key, count) in zip(levels[level].sequences.keys, levels[level].counts) {
                contexts[SequenceTable.prefix(of: key)].add(count)
            }
            levels[level].contexts = contexts
            levels[level].discounts = Discounts(counts: levels[level].counts)
        }
    }

    /// The history at the beginning of a text.
    package var beginning: History {
        History(sequences: Array(repeating: nil, count: levels.count))
    }

    /// Returns the probability of the next token, and takes the token into the history.
    package func probability(of token: Int32, after history: inout History) -> Double {
        var probability = 1 / Double(vocabularySize)
        var context: Int? = 0
        for index in levels.indices {
            var sequence: Int?
            if let context {
                sequence = levels[index].sequences.number(prefix: context, token: token)
                probability = levels[index].interpolated(probability, sequence: sequence, context: context)
            }
            context = history.sequences[index]
            history.sequences[index] = sequence
        }
        return probability
    }

    /// The mean nats of the tokens of a text after the first, each after those before it.
    package func nats(of tokens: TokenIDs) -> Double {
        var history = beginning
        var nats = 0.0
        for (position, token) in tokens.enumerated() {
            let probability = probability(of: token, after: &history)
            if position > 0 { nats -= log(probability) }
        }
        return nats / Double(max(tokens.count - 1, 1))
    }
}
