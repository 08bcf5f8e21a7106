import UnrollBase
import UnrollKernels
import UnrollModel

/// How much to generate, and how.
public struct TextGenerationOptions: Sendable, Equatable {
    /// Tokens to generate after the prompt.
    public var length: Int
    /// How the next token is chosen.
    public var strategy: SamplingStrategy
    /// How many of the most probable tokens may be chosen, and those as probable as the last of them; nil for all.
    public var topK: Int?
    /// The probability, from 0 to 1, that the most probable tokens must have together to be enough; 1 for all tokens.
    public var topP: Double
    /// How probable a token must be in relation to the most probable one, from 0 to 1; 0 for all tokens.
    public var minP: Double
    /// What positive logits of tokens that have occurred are divided by, and negative ones multiplied; 1 for nothing.
    public var repetitionPenalty: Double
    /// How many of the last tokens, those of the prompt included, the penalty looks at: 256 at most.
    public var repetitionWindow: Int
    /// Tokens that are never chosen, as `Vocabulary.token(_:)` writes them; `<unk>` never is.
    public var bannedTokens: Set<String>
    /// What the random choices are derived from.
    public var seed: UInt64
    /// Where to stop: before the first of these texts that comes; empty ones count for nothing.
    public var stopStrings: [String]
    /// What matrix products multiply.
    public var precision: Precision

    /// Describes a continuation.
    public init(
        length: Int = 200, strategy: SamplingStrategy = .temperature(1), topK: Int? = nil, topP: Double = 1,
        minP: Double = 0, repetitionPenalty: Double = 1, repetitionWindow: Int = 64,
        bannedTokens: Set<String> = [], seed: UInt64 = 0, stopStrings: [String] = [],
        precision: Precision = .float32
    ) {
        self.length = length
        self.strategy = strategy
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.repetitionWindow = repetitionWindow
        self.bannedTokens = bannedTokens
        self.seed = seed
        self.stopStrings = stopStrings
        self.precision = precision
    }

    /// Describes a continuation sampled at a temperature.
    public init(
        length: Int = 200, temperature: Double, topK: Int? = nil, topP: Double = 1, minP: Double = 0,
        repetitionPenalty: Double = 1, repetitionWindow: Int = 64, bannedTokens: Set<String> = [],
        seed: UInt64 = 0, stopStrings: [String] = [], precision: Precision = .float32
    ) {
        self.init(
            length: length, strategy: .temperature(temperature), topK: topK, topP: topP, minP: minP,
            repetitionPenalty: repetitionPenalty, repetitionWindow: repetitionWindow,
            bannedTokens: bannedTokens, seed: seed, stopStrings: stopStrings, precision: precision)
    }

    /// Checks everything.
    func check(for model: LanguageModel) throws(GenerationError) {
        try check()
        _ = try TokenBans(bannedTokens, in: model.vocabulary)
    }

    /// Checks what needs no model to be seen.
    ///
    /// - Throws: `GenerationError.invalidOption`, which names the option and the flag of the command line.
    package func check() throws(GenerationError) {
        guard length >= 0 else { throw .invalidOption("the length (--length) must not be negative") }
        try strategy.check()
        if let topK, topK < 1 {
            throw .invalidOption(
                "top-k (--top-k) is \(topK) but must be at least 1; leave it out to choose among all tokens")
        }
        guard topP > 0, topP <= 1 else {
            throw .invalidOption(
                "top-p (--top-p) is \(topP) but must be above 0 and at most 1, which is all tokens")
        }
        guard (0...1).contains(minP) else {
            throw .invalidOption("min-p (--min-p) is \(minP) but must lie from 0, which is all tokens, to 1")
        }
        guard (0.01...100).contains(repetitionPenalty) else {
            throw .invalidOption(
                "the repetition penalty (--repetition-penalty) is \(repetitionPenalty) but must lie from 0.01 "
                    + "to 100; 1 penalizes nothing")
        }
        guard (1...GenerationState.recentTokenLimit).contains(repetitionWindow) else {
            throw .invalidOption(
                "the repetition window (--repetition-window) is \(repetitionWindow) but must lie from 1 to "
                    + "\(GenerationState.recentTokenLimit); --repetition-penalty 1 penalizes nothing")
        }
    }
}
