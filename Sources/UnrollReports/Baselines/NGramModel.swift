import Foundation
import UnrollText

/// A model of the probability of a token after the few before it, counted in a text.
///
/// Interpolated Kneser-Ney with three discounts for each length (Chen and Goodman, "An empirical study of smoothing
/// techniques for language modeling", 1998): the longest sequences are counted as they occur, shorter ones by the number of
/// different tokens before them. The discounted probability goes to the shorter context, and in the end to all `V`
/// tokens alike. Probabilities over the vocabulary sum to one after any context.
package struct NGramModel: Sendable {
    /// The sequences of one length `n`, and the followers of those of `n - 1` tokens.
    private struct Level: Sendable {
        var sequences = SequenceTable()
        /// The count of each sequence; see above.
        var counts: [UInt32] = []
        /// The followers of each sequence of `n - 1` tokens.
        var contexts: [Context] = []
        var discounts = Discounts(counts: [])

        /// Interpolates with the probability after the shorter context.
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

    /// The followers of a sequence.
    private struct Context: Sendable {
        /// The sum of counts, and the numbers of distinct tokens that were counted once, twice, more often.
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

    /// The tokens before the next one that the model takes into account.
    package struct History: Sendable {
        /// The numbers of the sequences of 1, 2 … tokens that end here; nil for those that the model has not seen.
        fileprivate var sequences: [Int?]
    }

    private var levels: [Level]
    private let vocabularySize: Int

    /// Counts the sequences of a text.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - vocabularySize: `V`, unseen tokens included.
    ///   - order: The greatest length of a sequence with the token itself. Default: 5.
    package init(of tokens: TokenIDs, vocabularySize: Int, order: Int = 5) {
        levels = Array(repeating: Level(), count: order)
        self.vocabularySize = vocabularySize
        // The sequences of 1, 2 … tokens that end at the last position.
        var ending = [Int](repeating: 0, count: order)
        for (position, token) in tokens.enumerated() {
            // The longest always counts, even at the beginning of the text, where it is short.
            var isCounted = true
            for level in stride(from: min(order - 1, position), through: 0, by: -1) {
                let (number, isNew) = levels[level].sequences.insert(
                    prefix: level == 0 ? 0 : ending[level - 1], token: token)
                if isNew { levels[level].counts.append(0) }
                if isCounted { levels[level].counts[number] += 1 }
                // A new longer sequence is a new token before the shorter one.
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

    /// Returns the probability of the next token, and appends the token to the history.
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

    /// The mean nats of the tokens of a text except the first, each after those before it.
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

/// The discounts of counts, in favor of sequences that have not been seen.
struct Discounts: Sendable, Equatable {
    /// The discount of a count of one.
    let once: Double
    /// The discount of a count of two.
    let twice: Double
    /// The discount of any other count.
    let more: Double

    subscript(count: UInt32) -> Double {
        switch count {
        case 1: once
        case 2: twice
        default: more
        }
    }

    /// Estimates discounts from the numbers of counts that are 1, 2, 3 and 4 (Chen and Goodman 1998, equation 26).
    ///
    /// Where a text is too short for that, all three are the discount of plain Kneser-Ney, or else 0.5.
    init(counts: [UInt32]) {
        var frequencies = [0.0, 0, 0, 0, 0]
        for count in counts where count < 5 { frequencies[Int(count)] += 1 }
        let (n1, n2, n3, n4) = (frequencies[1], frequencies[2], frequencies[3], frequencies[4])
        let single = n1 > 0 && n2 > 0 ? n1 / (n1 + 2 * n2) : 0.5
        let three = (1 - 2 * single * n2 / n1, 2 - 3 * single * n3 / n2, 3 - 4 * single * n4 / n3)
        // A discount must not exceed its count. NaN is in no range.
        let isPossible = (0...1).contains(three.0) && (0...2).contains(three.1) && (0...3).contains(three.2)
        (once, twice, more) = isPossible ? three : (single, single, single)
    }
}

/// Sequences of tokens of one length, numbered from 0 in the order in which they are first seen.
///
/// The key of a sequence is the number of the sequence without its last token, and that token: 64 bits, whatever the
/// length of the sequence and the size of the vocabulary.
struct SequenceTable: Sendable {
    /// The keys by number.
    private(set) var keys: [UInt64] = []
    /// Open addressing: numbers plus one at or after the slots of their keys' hashes; 0 for an empty slot.
    private var slots = [UInt32](repeating: 0, count: 1 << 8)
    /// The number of leading bits of a hash that choose a slot.
    private var bits = 8

    /// The number of distinct sequences.
    var count: Int { keys.count }

    /// The number of a sequence; nil if it has not been seen.
    ///
    /// `prefix` is the number of the sequence without its last token, or 0 if that is its only one.
    func number(prefix: Int, token: Int32) -> Int? {
        let key = Self.key(prefix, token)
        let number = Int(slots[slot(of: key)])
        return number == 0 ? nil : number - 1
    }

    /// Numbers a sequence unless it has a number.
    mutating func insert(prefix: Int, token: Int32) -> (number: Int, isNew: Bool) {
        let key = Self.key(prefix, token)
        let slot = slot(of: key)
        if slots[slot] != 0 { return (Int(slots[slot]) - 1, false) }
        keys.append(key)
        slots[slot] = UInt32(keys.count)
        if keys.count > slots.count / 2 { grow() }
        return (keys.count - 1, true)
    }

    /// The number of a key's sequence without the last token.
    static func prefix(of key: UInt64) -> Int { Int(key >> 32) }

    private static func key(_ prefix: Int, _ token: Int32) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: prefix)) << 32 | UInt64(UInt32(bitPattern: token))
    }

    /// The slot with a key's number, or the empty slot for it.
    private func slot(of key: UInt64) -> Int {
        // The golden ratio's digits spread neighbors (Knuth, The Art of Computer Programming, 6.4).
        var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
        while slots[slot] != 0, keys[Int(slots[slot]) - 1] != key {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        bits += 1
        slots = [UInt32](repeating: 0, count: 1 << bits)
        for (number, key) in keys.enumerated() { slots[slot(of: key)] = UInt32(number + 1) }
    }
}
