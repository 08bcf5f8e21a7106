import UnrollEngine
import UnrollModel

/// Tokens that an engine has chosen ahead of time for texts side by side, where it chooses by itself.
///
/// The engine is further on than the texts, which take one token after the other. Where they leave earlier than expected,
/// the run begins again and ends there, with the same random numbers.
struct TokenRun {
    /// Tokens of each text at most, where nothing but the length ends it: no more than a person would wait for.
    private static let longest = 256
    /// The same where a text may end at every token, and the engine's work after that is lost.
    private static let longestWithStops = 32

    private var start: RecurrentState
    private var startLogits: [Float] = []
    private var choices: [TokenChoice] = []
    /// [steps, texts].
    private var tokens: [Int32] = []
    /// Steps that have been taken.
    private var taken = 0
    /// Whether the engine has said that it does not choose.
    private var isUnavailable = false

    init(for configuration: ModelConfiguration) {
        start = RecurrentState(zerosFor: configuration)
    }

    /// Whether tokens are there.
    var hasTokens: Bool { taken * choices.count < tokens.count }
    /// Whether `refill` may bring some.
    var isUsedUp: Bool { !hasTokens && !isUnavailable }

    /// Lets an engine choose the next tokens of all texts; if it does not, they have to be chosen one by one.
    ///
    /// - Parameters:
    ///   - texts: The texts, in the order of the rows of the engine's state.
    ///   - logits: Those of the next tokens, `[texts, V]`; become those after the engine's last.
    ///   - engine: The engine.
    ///   - hasStops: Whether texts may end early.
    /// - Throws: What the engine throws.
    mutating func refill(
        for texts: [Continuation], logits: inout [Float], on engine: any Engine, hasStops: Bool
    ) throws {
        choices = texts.compactMap(\.choice)
        guard choices.count == texts.count else { return }
        let missing = texts.reduce(Int.max) { min($0, $1.missingCount) }
        startLogits = logits
        try engine.copyState(to: &start)
        let chosen = try engine.generate(
            min(missing, hasStops ? Self.longestWithStops : Self.longest), logits: &logits,
            choosing: choices)
        (tokens, taken, isUnavailable) = (chosen ?? [], 0, chosen == nil)
    }

    /// The next token of each text.
    mutating func next() -> ArraySlice<Int32> {
        defer { taken += 1 }
        return tokens[taken * choices.count..<(taken + 1) * choices.count]
    }

    /// Brings the engine to where the texts are, if it is further on, and the logits to those of their next tokens.
    mutating func settle(logits: inout [Float], on engine: any Engine) throws {
        if hasTokens {
            try engine.restoreState(start)
            logits = startLogits
            if taken > 0 { _ = try engine.generate(taken, logits: &logits, choosing: choices) }
        }
        tokens = []
    }
}
