import UnrollBase
import UnrollKernels
import UnrollModel
import UnrollText

/// The length of a generated text, and how its tokens are chosen.
public struct TextGenerationOptions: Sendable, Equatable {
    /// Tokens to generate after the prompt, at least 0.
    ///
    /// Default: 200.
    public var length: Int
    /// How the next token is chosen.
    ///
    /// Default: at a temperature of 1.
    public var strategy: SamplingStrategy
    /// The number of most probable tokens that may be chosen, with those as probable as the last of them, at least 1.
    ///
    /// Default: nil, all tokens.
    public var topK: Int?
    /// The probability mass of the most probable tokens that may be chosen, above 0 and at most 1.
    ///
    /// Default: 1, all tokens.
    public var topP: Double
    /// The least probability of a token relative to the most probable one, in 0...1.
    ///
    /// Default: 0, all tokens.
    public var minP: Double
    /// The divisor of positive logits of tokens that have occurred, and factor of negative ones, in 0.01...100.
    ///
    /// Default: 1, no penalty.
    public var repetitionPenalty: Double
    /// The number of last tokens, those of the prompt included, that the penalty looks at, in 1...256.
    ///
    /// Default: 64.
    public var repetitionWindow: Int
    /// What is subtracted from the logit of a token that has been generated, however often, in -2...2.
    ///
    /// Default: 0.
    public var presencePenalty: Double
    /// What is subtracted from the logit of a token each time that it has been generated, in -2...2.
    ///
    /// Default: 0.
    public var frequencyPenalty: Double
    /// What is added to logits before anything else, by token id, each in -100...100.
    ///
    /// Default: nothing.
    public var logitBias: [Int32: Double]
    /// Tokens that are never chosen, as `Vocabulary.token(_:)` writes them.
    ///
    /// Default: none but `<unk>`.
    public var bannedTokens: Set<String>
    /// The seed of the random choices.
    ///
    /// Default: 0.
    public var seed: UInt64
    /// Texts that end the generation, which stops before the first of them; empty ones are ignored.
    ///
    /// Default: none.
    public var stopStrings: [String]
    /// The number format of matrix-multiplication operands; nil for the model's own.
    ///
    /// Default: nil.
    public var precision: Precision?

    /// Creates options.
    public init(
        length: Int = 200, strategy: SamplingStrategy = .temperature(1), topK: Int? = nil, topP: Double = 1,
        minP: Double = 0, repetitionPenalty: Double = 1, repetitionWindow: Int = 64,
        presencePenalty: Double = 0, frequencyPenalty: Double = 0, logitBias: [Int32: Double] = [:],
        bannedTokens: Set<String> = [], seed: UInt64 = 0, stopStrings: [String] = [],
        precision: Precision? = nil
    ) {
        self.length = length
        self.strategy = strategy
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.repetitionWindow = repetitionWindow
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.logitBias = logitBias
        self.bannedTokens = bannedTokens
        self.seed = seed
        self.stopStrings = stopStrings
        self.precision = precision
    }

    /// Creates options for sampling at a temperature.
    public init(
        length: Int = 200, temperature: Double, topK: Int? = nil, topP: Double = 1, minP: Double = 0,
        repetitionPenalty: Double = 1, repetitionWindow: Int = 64, presencePenalty: Double = 0,
        frequencyPenalty: Double = 0, logitBias: [Int32: Double] = [:], bannedTokens: Set<String> = [],
        seed: UInt64 = 0, stopStrings: [String] = [], precision: Precision? = nil
    ) {
        self.init(
            length: length, strategy: .temperature(temperature), topK: topK, topP: topP, minP: minP,
            repetitionPenalty: repetitionPenalty, repetitionWindow: repetitionWindow,
            presencePenalty: presencePenalty, frequencyPenalty: frequencyPenalty, logitBias: logitBias,
            bannedTokens: bannedTokens, seed: seed, stopStrings: stopStrings, precision: precision)
    }

    /// Checks everything: ranges, effects and bans.
    ///
    /// - Throws: `ParameterError`, `EngineError.tokenOutOfRange`, `GenerationError.unknownToken` or `.allTokensBanned`.
    func check(for model: LanguageModel) throws {
        try check()
        try checkEffects()
        _ = try LogitBias(logitBias, vocabularySize: model.vocabulary.count)
        _ = try TokenBans(bannedTokens, in: model.vocabulary)
    }

    /// Checks every number.
    ///
    /// - Throws: `ParameterError.outOfRange` with the first that is not in its range.
    package func check() throws(ParameterError) {
        try ParameterError.require(length >= 0, "length", is: length, but: "at least 0")
        try strategy.check()
        if let topK { try ParameterError.require(topK >= 1, "topK", is: topK, but: "at least 1") }
        try ParameterError.require(
            topP > 0 && topP <= 1, "topP", is: topP, but: "above 0 and at most 1, which is all tokens")
        try ParameterError.require(
            (0...1).contains(minP), "minP", is: minP, but: "in 0...1, where 0 is all tokens")
        try ParameterError.require(
            (0.01...100).contains(repetitionPenalty), "repetitionPenalty", is: repetitionPenalty,
            but: "in 0.01...100, where 1 penalizes nothing")
        try ParameterError.require(
            (1...GenerationState.recentTokenLimit).contains(repetitionWindow), "repetitionWindow",
            is: repetitionWindow, but: "in 1...\(GenerationState.recentTokenLimit)")
        for (name, penalty) in [("presencePenalty", presencePenalty), ("frequencyPenalty", frequencyPenalty)]
        {
            try ParameterError.require(
                (-2...2).contains(penalty), name, is: penalty, but: "in -2...2, where 0 penalizes nothing")
        }
        for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
            try ParameterError.require(
                (-100...100).contains(bias), "logitBias[\(token)]", is: bias, but: "in -100...100")
        }
    }

    /// Checks that no option cancels another, as those of one token's choice cancel all that choose among several.
    ///
    /// - Throws: `ParameterError` with the option that cancels, or is canceled.
    package func checkEffects() throws(ParameterError) {
        let filters = [("topK", topK != nil), ("topP", topP < 1), ("minP", minP > 0)].filter(\.1).map(\.0)
        if strategy == .greedy, let filter = filters.first {
            throw .needs(parameter: filter, other: "strategy", values: ["temperature", "alpha"])
        }
        // What is left of these is one token, or some that are equally probable.
        let isOthers = filters.count > 1 || strategy.exponent != 1
        let rest = "where other options choose among the tokens that it leaves"
        try ParameterError.require(topK != 1 || !isOthers, "topK", is: 1, but: "at least 2 \(rest)")
        try ParameterError.require(minP < 1 || !isOthers, "minP", is: 1, but: "below 1 \(rest)")
    }
}

/// How the next token is chosen from the model's probabilities.
public enum SamplingStrategy: Sendable, Equatable {
    /// The most probable token, always; the book predicts so.
    case greedy
    /// At random, from the softmax of logits / temperature: below 1 less varied, above 1 more varied.
    case temperature(Double)
    /// At random, with probabilities proportional to p^alpha: the book's exercise, 1 / alpha being the temperature.
    case alpha(Double)

    /// The factor of the logits; nil for the most probable token alone.
    var exponent: Double? {
        switch self {
        case .greedy: nil
        // So near to zero that only the most probable token would be left.
        case .temperature(let temperature) where !(1 / temperature).isFinite: nil
        case .temperature(let temperature): 1 / temperature
        case .alpha(let alpha): alpha
        }
    }

    func check() throws(ParameterError) {
        switch self {
        case .greedy: break
        case .temperature(let value):
            try ParameterError.require(
                value.isFinite && value > 0, "temperature", is: value, but: "positive and finite")
        case .alpha(let value):
            try ParameterError.require(
                value.isFinite && value > 0, "alpha", is: value, but: "positive and finite")
        }
    }
}
