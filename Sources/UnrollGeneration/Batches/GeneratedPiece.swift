import UnrollModel

/// What a ``BatchGenerator`` has generated of a text since it was last asked.
public struct GeneratedPiece: Sendable, Equatable {
    /// Whole characters, perhaps none; the prompt is not part of it.
    public internal(set) var text = ""
    /// The tokens, if the request has an `alternativeCount`: those whose text is certain, the prompt's first.
    public internal(set) var tokens: [GeneratedToken] = []
    /// How the generation went, if this is its end.
    public internal(set) var summary: GenerationSummary?

    init() {}
}

/// A token of a text, and how probable it was.
public struct GeneratedToken: Sendable, Equatable {
    /// A token that could have come, and the logarithm of its probability, in nats.
    public struct Alternative: Sendable, Equatable {
        /// The token's id.
        public let id: Int32
        /// ln p.
        public let logProbability: Double
    }

    /// The token's id.
    public let id: Int32
    /// The text that it completes; none where a character is not complete.
    public let text: String
    /// ln p by the model, before all options; nil for the first token of a text, before which nothing was read.
    public let logProbability: Double?
    /// The most probable tokens in its place, the most probable first.
    public let alternatives: [Alternative]
    /// Whether it is part of the prompt.
    public let isPrompt: Bool

    /// Finds out how probable a token was.
    ///
    /// - Parameters:
    ///   - id: The token.
    ///   - text: The text that it completes.
    ///   - logits: Those in its place, `[V]`; empty at the beginning of a text.
    ///   - alternativeCount: The number of alternatives.
    ///   - isPrompt: Whether it is part of the prompt.
    /// - Throws: `GenerationError.notANumber` when one is not finite.
    init(
        _ id: Int32, text: String, logits: [Float], alternativeCount: Int, isPrompt: Bool
    ) throws(GenerationError) {
        self.id = id
        self.text = text
        self.isPrompt = isPrompt
        guard !logits.isEmpty else {
            (logProbability, alternatives) = (nil, [])
            return
        }
        let logProbabilities = try LogProbabilities.of(logits[...])
        logProbability = logProbabilities[Int(id)]
        var best: [Alternative] = []
        if alternativeCount > 0 {
            for (id, value) in logProbabilities.enumerated() {
                best.insert(Alternative(id: Int32(id), logProbability: value), keeping: alternativeCount) {
                    $0.logProbability
                }
            }
        }
        alternatives = best
    }
}
