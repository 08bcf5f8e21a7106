import Foundation
import UnrollBase
import UnrollEngine
import UnrollText

/// Chooses the next token from logits; `<unk>` is never chosen.
///
/// Options apply in the order of Hugging Face's `transformers` and of vLLM: bias, repetition penalty, presence and frequency
/// penalties, bans, temperature, top-k, top-p, min-p. Nothing is allocated after the first token, but for top-p, which sorts.
package struct TokenSampler: Sendable {
    /// The factor of the logits; nil for the most probable token alone.
    private let exponent: Double?
    private let bans: TokenBans
    private let bias: LogitBias
    private var penalty: RepetitionPenalty?
    private var occurrences: OccurrencePenalty?
    private var topK: TopK?
    private var topP: TopP?
    private let minP: MinP?
    private var source: RandomSource
    private let options: TextGenerationOptions
    private let vocabularySize: Int
    /// Numbers that grow with the tokens' probabilities, `[V]`: logits at first, then weights proportional to the
    /// probabilities.
    private var scores: [Double] = []

    /// Prepares to choose tokens of a vocabulary.
    ///
    /// - Parameters:
    ///   - options: How to choose; the length is ignored.
    ///   - vocabulary: The tokens to choose from.
    /// - Throws: `ParameterError` for an option that is out of range, `GenerationError.unknownToken` or
    ///   `.allTokensBanned`, `EngineError.tokenOutOfRange` for a bias on none of the tokens.
    package init(_ options: TextGenerationOptions, vocabulary: Vocabulary) throws {
        try options.check()
        self.options = options
        vocabularySize = vocabulary.count
        exponent = options.strategy.exponent
        bans = try TokenBans(options.bannedTokens, in: vocabulary)
        bias = try LogitBias(options.logitBias, vocabularySize: vocabulary.count)
        if options.presencePenalty != 0 || options.frequencyPenalty != 0 {
            occurrences = OccurrencePenalty(
                presence: options.presencePenalty, frequency: options.frequencyPenalty)
        }
        topK = options.topK.map(TopK.init)
        topP = options.topP < 1 ? TopP(options.topP) : nil
        minP = options.minP > 0 ? MinP(share: options.minP) : nil
        source = RandomSource(seed: options.seed, purpose: .generation)
        observe([])
    }

    /// Takes these for the last tokens of the text, for the repetition penalty.
    package mutating func observe(_ recentTokens: [Int32]) {
        guard options.repetitionPenalty != 1 else { return }
        var penalty = RepetitionPenalty(
            options.repetitionPenalty, window: options.repetitionWindow, vocabularySize: vocabularySize)
        for token in recentTokens { penalty.observe(token) }
        self.penalty = penalty
    }

    /// Counts a token that was generated, for all penalties.
    package mutating func observe(generated token: Int32) {
        penalty?.observe(token)
        occurrences?.observe(token)
    }

    /// What an engine needs to know to choose the next tokens; nil if it cannot choose as the options say.
    package var choice: TokenChoice? {
        guard occurrences == nil, bias.values.isEmpty else { return nil }
        return TokenChoice(
            exponent: exponent, topK: options.topK, topP: options.topP, minP: options.minP,
            repetitionPenalty: options.repetitionPenalty, repetitionWindow: options.repetitionWindow,
            recentTokens: penalty?.recentTokens ?? [], bannedTokens: bans.banned, source: source)
    }

    /// Counts a token that an engine has chosen as `choice` says.
    package mutating func observe(chosen token: Int32) {
        if exponent != nil { source.position &+= 1 }
        observe(generated: token)
    }

    /// Chooses a token.
    ///
    /// - Parameters:
    ///   - logits: The model's logits, `[V]`.
    ///   - candidates: The tokens to choose from, banned or not. Default: all that are not banned.
    /// - Returns: The token's id.
    /// - Throws: `GenerationError.notANumber` when a logit is not finite.
    package mutating func choose(
        from logits: [Float], among candidates: [Int32]? = nil
    ) throws(GenerationError) -> Int32 {
        let best = try weigh(logits, candidates)
        guard exponent != nil else { return Int32(best) }
        // The first token whose share of the line from 0 to the total reaches beyond a random point of it.
        let point = source.uniform() * scores.reduce(0, +)
        var sum = 0.0
        let chosen = scores.firstIndex { weight in
            sum += weight
            return sum > point
        }
        return Int32(chosen ?? best)
    }

    /// Returns the probability of each token to be chosen.
    ///
    /// - Parameter logits: The model's logits, `[V]`.
    /// - Returns: The probabilities of all tokens, `[V]`.
    /// - Throws: `GenerationError.notANumber` when a logit is not finite.
    package mutating func probabilities(of logits: [Float]) throws(GenerationError) -> [Double] {
        let best = try weigh(logits)
        guard exponent != nil else { return scores.indices.map { $0 == best ? 1 : 0 } }
        let total = scores.reduce(0, +)
        return scores.map { $0 / total }
    }

    /// Fills `scores` and returns the most probable token, the first of several.
    private mutating func weigh(
        _ logits: [Float], _ candidates: [Int32]? = nil
    ) throws(GenerationError) -> Int {
        if scores.count != logits.count { scores = [Double](repeating: 0, count: logits.count) }
        var areFinite = true
        for token in logits.indices {
            areFinite = areFinite && logits[token].isFinite
            scores[token] = Double(logits[token])
        }
        guard areFinite else { throw .notANumber }
        bias.apply(to: &scores)
        penalty?.apply(to: &scores)
        occurrences?.apply(to: &scores)
        if let candidates {
            let kept = candidates.map { ($0, scores[Int($0)]) }
            for token in scores.indices { scores[token] = -.infinity }
            for (token, score) in kept { scores[Int(token)] = score }
        } else {
            bans.apply(to: &scores)
        }
        var best = 0
        for token in scores.indices where scores[token] > scores[best] { best = token }
        guard let exponent else { return best }
        // The temperature changes no order, so that the most probable tokens are the same before it.
        topK?.apply(to: &scores)
        let greatest = scores[best]
        for token in scores.indices { scores[token] = exp((scores[token] - greatest) * exponent) }
        topP?.apply(to: &scores)
        minP?.apply(to: &scores)
        return best
    }
}
