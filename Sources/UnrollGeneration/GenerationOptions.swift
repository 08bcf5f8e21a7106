import UnrollKernels
import UnrollStorage

/// How the next token is chosen from the model's probabilities.
public enum SamplingStrategy: Sendable, Equatable {
    /// Always the most probable token, as the book predicts.
    case greedy
    /// At random, from the softmax of logits / temperature: below 1 more careful, above 1 more daring.
    case temperature(Double)
    /// At random, with probabilities proportional to p^alpha: the book's exercise, 1 / alpha being the temperature.
    case alpha(Double)

    /// What logits are multiplied by; nil for greedy.
    var exponent: Double? {
        switch self {
        case .greedy: nil
        case .temperature(let temperature): 1 / temperature
        case .alpha(let alpha): alpha
        }
    }
}

/// How much to generate, and how.
public struct GenerationOptions: Sendable, Equatable {
    /// Tokens to generate after the prompt.
    public var length: Int
    /// How the next token is chosen.
    public var strategy: SamplingStrategy
    /// What the random choices are derived from.
    public var seed: UInt64
    /// Where to stop: before the first of these texts that comes; empty ones count for nothing.
    public var stopStrings: [String]
    /// What matrix products multiply.
    public var precision: Precision

    /// Describes a continuation.
    public init(
        length: Int = 200, strategy: SamplingStrategy = .temperature(1), seed: UInt64 = 0,
        stopStrings: [String] = [], precision: Precision = .float32
    ) {
        self.length = length
        self.strategy = strategy
        self.seed = seed
        self.stopStrings = stopStrings
        self.precision = precision
    }

    /// Describes a continuation sampled at a temperature.
    public init(
        length: Int = 200, temperature: Double, seed: UInt64 = 0, stopStrings: [String] = [],
        precision: Precision = .float32
    ) {
        self.init(
            length: length, strategy: .temperature(temperature), seed: seed, stopStrings: stopStrings,
            precision: precision)
    }

    func check(for model: LanguageModel) throws(GenerationError) {
        guard length >= 0 else { throw .invalidOption("the length (--length) must not be negative") }
        switch strategy {
        case .greedy: break
        case .temperature(let value) where value.isFinite && value > 0: break
        case .alpha(let value) where value.isFinite && value > 0: break
        case .temperature(let value):
            throw .invalidOption(
                "the temperature (--temperature) is \(value) but must be positive; or use --greedy")
        case .alpha(let value):
            throw .invalidOption("alpha (--alpha) is \(value) but must be positive; or use --greedy")
        }
    }
}
