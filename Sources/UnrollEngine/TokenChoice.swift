import UnrollBase

/// How the next tokens of one text are chosen from logits, for an engine that does so by itself.
///
/// The order is that of `TokenSampler`, which checks all of it: repetition penalty, bans, temperature, top-k, top-p, min-p.
public struct TokenChoice: Sendable, Equatable {
    /// The number of last tokens that an engine can remember for the penalty.
    public static let recentTokenLimit = 256

    /// The factor of the logits, one over the temperature; nil for the most probable token alone.
    public var exponent: Double?
    /// The number of most probable tokens to choose from; nil for all.
    public var topK: Int?
    /// The probability mass of the most probable tokens to choose from, above 0 and at most 1.
    public var topP: Double
    /// The least probability of a token relative to the most probable one, in 0...1.
    public var minP: Double
    /// The divisor of positive logits of tokens that have occurred, and factor of negative ones; 1 for no penalty.
    public var repetitionPenalty: Double
    /// The number of last tokens that the penalty looks at, in 1...``recentTokenLimit``.
    public var repetitionWindow: Int
    /// The last tokens of the text, the latest last; may be empty without a penalty.
    public var recentTokens: [Int32]
    /// Tokens that are never chosen, not all of them.
    public var bannedTokens: [Int32]
    /// The source of random numbers; each token takes one, unless the most probable one is chosen.
    public var source: RandomSource

    /// Collects the facts.
    public init(
        exponent: Double?, topK: Int? = nil, topP: Double = 1, minP: Double = 0,
        repetitionPenalty: Double = 1,
        repetitionWindow: Int = 64, recentTokens: [Int32] = [], bannedTokens: [Int32] = [],
        source: RandomSource
    ) {
        self.exponent = exponent
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.repetitionWindow = repetitionWindow
        self.recentTokens = recentTokens
        self.bannedTokens = bannedTokens
        self.source = source
    }
}
