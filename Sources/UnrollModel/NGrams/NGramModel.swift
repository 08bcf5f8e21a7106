import Foundation
import UnrollBase
import UnrollText

/// A model of the probability of a token after the few before it, counted in a text.
///
/// Interpolated Kneser-Ney with three discounts for each length (Chen and Goodman, "An empirical study of smoothing
/// techniques for language modeling", 1998): the longest sequences are counted as they occur, shorter ones by the number of
/// different tokens before them. The discounted probability goes to the shorter context, and in the end to all `V`
/// tokens alike. Probabilities over the vocabulary sum to one after any context.
public struct NGramModel: Sendable, Equatable {
    /// The greatest length of a sequence with the token itself.
    public var order: Int { levels.count }
    /// The number of tokens, `V`.
    public let vocabularySize: Int
    /// By length, from 1.
    let levels: [NGramLevel]

    /// Counts the sequences of a text or, of a very large one, so much of its end that there are some millions of them.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - vocabularySize: `V`, unseen tokens included, at least 1.
    ///   - order: The greatest length of a sequence with the token itself, in ``NGramConfiguration/orders``. Default: 5.
    /// - Throws: `ParameterError` for an impossible order or vocabulary.
    public init(of tokens: TokenIDs, vocabularySize: Int, order: Int = 5) throws(ParameterError) {
        try NGramConfiguration.check(order: order)
        try ParameterError.require(
            (1...Int(Int32.max)).contains(vocabularySize), "vocabularySize", is: vocabularySize,
            but: "in 1...\(Int32.max)")
        self.init(NGramCounts(of: tokens, vocabularySize: vocabularySize, order: order), vocabularySize)
    }

    private init(_ counts: NGramCounts, _ vocabularySize: Int) {
        // The place of each sequence of the length before, by its number.
        var places: [UInt32] = [0]
        var levels: [NGramLevel] = []
        for level in counts.levels {
            let keys = level.sequences.keys
            let contexts = keys.map { Int(places[SequenceTable.prefix(of: $0)]) }
            var followerCounts = [UInt32](repeating: 0, count: levels.last?.tokens.count ?? 1)
            for context in contexts { followerCounts[context] += 1 }
            // The numbers of the sequences in the order of contexts, and then of tokens.
            var numbers = [Int](repeating: 0, count: keys.count)
            var begin = 0
            var next = followerCounts.map { count in
                defer { begin += Int(count) }
                return begin
            }
            for (number, context) in contexts.enumerated() {
                numbers[next[context]] = number
                next[context] += 1
            }
            for (end, count) in zip(next, followerCounts) where count > 1 {
                numbers[end - Int(count)..<end].sort {
                    SequenceTable.token(of: keys[$0]) < SequenceTable.token(of: keys[$1])
                }
            }
            places = [UInt32](repeating: 0, count: numbers.count)
            for (place, number) in numbers.enumerated() { places[number] = UInt32(place) }
            levels.append(
                NGramLevel(
                    followerCounts: followerCounts, tokens: numbers.map { SequenceTable.token(of: keys[$0]) },
                    counts: numbers.map { level.counts[$0] }))
        }
        self.init(levels, vocabularySize: vocabularySize)
    }

    init(_ levels: [NGramLevel], vocabularySize: Int) {
        self.levels = levels
        self.vocabularySize = vocabularySize
    }

    /// The number of distinct sequences of all lengths.
    public var sequenceCount: Int { levels.reduce(0) { $0 + $1.tokens.count } }

    /// The sequences at the end of what was read.
    package struct History: Sendable, Equatable {
        /// The numbers of those of 0, 1, 2 … tokens among the sequences of their length; -1 for what the model has not seen.
        fileprivate var contexts = SIMD16<Int32>(repeating: -1)
    }

    /// The history at the beginning of a text.
    package var beginning: History {
        var history = History()
        history.contexts[0] = 0
        return history
    }

    /// Appends a token to the history.
    package func append(_ token: Int32, to history: inout History) {
        var next = beginning
        for (length, level) in levels.dropLast().enumerated() where history.contexts[length] >= 0 {
            let sequence = level.sequence(of: token, after: Int(history.contexts[length]))
            next.contexts[length + 1] = sequence.map(Int32.init) ?? -1
        }
        history = next
    }

    /// The probability of the next token.
    package func probability(of token: Int32, after history: History) -> Double {
        var probability = 1 / Double(vocabularySize)
        for (length, level) in levels.enumerated() where history.contexts[length] >= 0 {
            let context = Int(history.contexts[length])
            probability *= level.freed[context]
            if let sequence = level.sequence(of: token, after: context) {
                probability += level.kept(sequence, after: context)
            }
        }
        return probability
    }

    /// Computes the probabilities of all tokens, `[V]`.
    package func copyProbabilities(after history: History, to probabilities: inout [Double]) {
        if probabilities.count == vocabularySize {
            for token in probabilities.indices { probabilities[token] = 0 }
        } else {
            probabilities = [Double](repeating: 0, count: vocabularySize)
        }
        var share = 1.0
        for (length, level) in levels.enumerated().reversed() where history.contexts[length] >= 0 {
            let context = Int(history.contexts[length])
            for sequence in level.followers(of: context) {
                probabilities[Int(level.tokens[sequence])] += share * level.kept(sequence, after: context)
            }
            share *= level.freed[context]
        }
        share /= Double(vocabularySize)
        for token in probabilities.indices { probabilities[token] += share }
    }

    /// The mean nats of the tokens of a text except the first, each after those before it.
    package func nats(of tokens: TokenIDs) -> Double {
        var history = beginning
        var nats = 0.0
        for (position, token) in tokens.enumerated() {
            if position > 0 { nats -= log(probability(of: token, after: history)) }
            append(token, to: &history)
        }
        return nats / Double(max(tokens.count - 1, 1))
    }
}

/// The sequences of one length `n`, in the order of their first `n - 1` tokens, the context, and then of the last.
struct NGramLevel: Sendable, Equatable {
    /// Where the followers of each context begin among the sequences, and the end of the last.
    let starts: [UInt32]
    /// The last token of each sequence.
    let tokens: [Int32]
    /// The count of each sequence, at least 1.
    let counts: [UInt32]
    /// The share of probability that discounts free for shorter contexts, by context.
    let freed: [Double]
    /// The inverse of the sum of the followers' counts, by context; 0 without followers.
    private let scales: [Double]
    private let discounts: Discounts

    /// A level.
    ///
    /// - Parameters:
    ///   - followerCounts: The number of sequences of each context.
    ///   - tokens: The last tokens of the sequences, ascending in each context.
    ///   - counts: The counts of the sequences.
    init(followerCounts: [UInt32], tokens: [Int32], counts: [UInt32]) {
        var (starts, freed, scales) = ([0 as UInt32], [Double](), [Double]())
        let discounts = Discounts(counts: counts)
        for count in followerCounts {
            let range = Int(starts[starts.count - 1])..<Int(starts[starts.count - 1]) + Int(count)
            let (total, discounted) = counts[range].reduce((0.0, 0.0)) {
                ($0.0 + Double($1), $0.1 + discounts[$1])
            }
            starts.append(UInt32(range.upperBound))
            // The end of the text has no followers.
            freed.append(count > 0 ? discounted / total : 1)
            scales.append(count > 0 ? 1 / total : 0)
        }
        (self.starts, self.freed, self.scales) = (starts, freed, scales)
        (self.tokens, self.counts, self.discounts) = (tokens, counts, discounts)
    }

    /// The sequences of a context.
    func followers(of context: Int) -> Range<Int> { Int(starts[context])..<Int(starts[context + 1]) }

    /// The sequence of a context and a token; nil if it has not been seen.
    func sequence(of token: Int32, after context: Int) -> Int? {
        var range = followers(of: context)
        let end = range.upperBound
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range =
                tokens[middle] < token ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound < end && tokens[range.lowerBound] == token ? range.lowerBound : nil
    }

    /// The share of probability that is left to a sequence itself.
    func kept(_ sequence: Int, after context: Int) -> Double {
        (Double(counts[sequence]) - discounts[counts[sequence]]) * scales[context]
    }
}
