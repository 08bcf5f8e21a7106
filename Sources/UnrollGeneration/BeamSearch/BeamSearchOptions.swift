import UnrollKernels

/// How widely to look for probable continuations, and how to compare those of different lengths.
public struct BeamSearchOptions: Sendable, Equatable {
    /// How many unfinished continuations go on after each token, and how many results there are at most.
    public var width: Int
    /// Tokens after the prompt, at most.
    public var length: Int
    /// The exponent `a` of the length normalization: a continuation of `n` tokens scores log p / nᵃ.
    ///
    /// 0 compares probabilities, which favors short continuations; 1 compares the mean of the tokens' logarithms. It
    /// matters where stop strings end continuations at different lengths.
    public var lengthPenalty: Double
    /// Where a continuation ends: before the first of these texts; empty ones count for nothing.
    public var stopStrings: [String]
    /// Tokens that are never chosen, as `Vocabulary.token(_:)` writes them; `<unk>` never is.
    public var bannedTokens: Set<String>
    /// What matrix products multiply.
    public var precision: Precision

    /// Describes a search.
    public init(
        width: Int = 4, length: Int = 200, lengthPenalty: Double = 1, stopStrings: [String] = [],
        bannedTokens: Set<String> = [], precision: Precision = .float32
    ) {
        self.width = width
        self.length = length
        self.lengthPenalty = lengthPenalty
        self.stopStrings = stopStrings
        self.bannedTokens = bannedTokens
        self.precision = precision
    }

    /// Checks what needs no model to be seen.
    ///
    /// - Throws: `GenerationError.invalidOption`, which names the option and the flag of the command line.
    package func check() throws(GenerationError) {
        guard (1...Self.maximumWidth).contains(width) else {
            throw .invalidOption(
                "the beam's width (--beam) is \(width) but must lie from 1 to \(Self.maximumWidth)")
        }
        guard length >= 0 else { throw .invalidOption("the length (--length) must not be negative") }
        guard lengthPenalty >= 0, lengthPenalty.isFinite else {
            throw .invalidOption(
                "the length penalty (--length-penalty) is \(lengthPenalty) but must be 0, which is none, or more"
            )
        }
    }

    /// Every beam has a recurrent state of its own.
    private static let maximumWidth = 4096
}
