/// How the next token is chosen from the model's probabilities.
public enum SamplingStrategy: Sendable, Equatable {
    /// Always the most probable token, as the book predicts.
    case greedy
    /// At random, from the softmax of logits / temperature: below 1 more careful, above 1 more daring.
    case temperature(Double)
    /// At random, with probabilities proportional to p^alpha: the book's exercise, 1 / alpha being the temperature.
    case alpha(Double)

    /// What logits are multiplied by; nil for the most probable token alone.
    var exponent: Double? {
        switch self {
        case .greedy: nil
        // So near to zero that nothing but the most probable token would be left.
        case .temperature(let temperature) where !(1 / temperature).isFinite: nil
        case .temperature(let temperature): 1 / temperature
        case .alpha(let alpha): alpha
        }
    }

    func check() throws(GenerationError) {
        switch self {
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
