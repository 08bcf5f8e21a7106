import ArgumentParser
import Unroll

/// How the next token is chosen.
struct SamplingFlags: ParsableArguments {
    @Flag(help: "Always take the most probable token.")
    var greedy = false

    @Option(
        parsing: .unconditional,
        help: "Sample from softmax(logits / X): below 1 more careful, above 1 more daring (default: 1).")
    var temperature: Double?

    @Option(parsing: .unconditional, help: "Sample with probabilities proportional to p^X.")
    var alpha: Double?

    @Option(
        name: .customLong("top-k"), parsing: .unconditional,
        help: "Sample among the N most probable tokens (default: all).")
    var topK: Int?

    @Option(
        name: .customLong("top-p"), parsing: .unconditional,
        help: "Sample among the most probable tokens that have probability X together (default: 1, all).")
    var topP: Double?

    @Option(
        name: .customLong("min-p"), parsing: .unconditional,
        help: "Sample among tokens at least X times as probable as the best one (default: 0, all).")
    var minP: Double?

    @Option(
        parsing: .unconditional,
        help: """
            Divide logits of tokens that came lately by X, multiply them where negative (default: 1, nothing).
            """)
    var repetitionPenalty: Double?

    @Option(
        parsing: .unconditional,
        help: "With --repetition-penalty: how many tokens back it looks, up to 256 (default: 64).")
    var repetitionWindow: Int?

    @Option(
        parsing: .unconditional,
        help: "Subtract X from logits of tokens that have been generated (-2 to 2; default: 0).")
    var presencePenalty: Double?

    @Option(
        parsing: .unconditional,
        help: "Subtract X from them for each time that they have been generated (-2 to 2; default: 0).")
    var frequencyPenalty: Double?

    @Option(parsing: .unconditional, help: "The same seed gives the same text (default: 0).")
    var seed: UInt64?

    /// The flags that were given.
    var given: [String] {
        let flags: [(String, Bool)] = [
            ("--greedy", greedy), ("--temperature", temperature != nil), ("--alpha", alpha != nil),
            ("--top-k", topK != nil), ("--top-p", topP != nil), ("--min-p", minP != nil),
            ("--repetition-penalty", repetitionPenalty != nil),
            ("--repetition-window", repetitionWindow != nil),
            ("--presence-penalty", presencePenalty != nil),
            ("--frequency-penalty", frequencyPenalty != nil), ("--seed", seed != nil),
        ]
        return flags.filter(\.1).map(\.0)
    }

    func validate() throws {
        guard [greedy, temperature != nil, alpha != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("--greedy, --temperature and --alpha exclude each other; give one")
        }
        if greedy, let flag = given.first(where: ["--top-k", "--top-p", "--min-p"].contains) {
            throw ValidationError(
                "--greedy takes the most probable token, so that \(flag) has no say; leave out one of them")
        }
        if repetitionWindow != nil, repetitionPenalty == nil {
            throw ValidationError("--repetition-window needs --repetition-penalty")
        }
    }

    func apply(to options: inout TextGenerationOptions) {
        if greedy { options.strategy = .greedy }
        if let temperature { options.strategy = .temperature(temperature) }
        if let alpha { options.strategy = .alpha(alpha) }
        options.topK = topK
        if let topP { options.topP = topP }
        if let minP { options.minP = minP }
        if let repetitionPenalty { options.repetitionPenalty = repetitionPenalty }
        if let repetitionWindow { options.repetitionWindow = repetitionWindow }
        if let presencePenalty { options.presencePenalty = presencePenalty }
        if let frequencyPenalty { options.frequencyPenalty = frequencyPenalty }
        if let seed { options.seed = seed }
    }
}
