import UnrollGeneration

/// What the trained models write.
public struct SamplesSection: Sendable, Equatable, Codable {
    /// What to go on from.
    public var prompts: [String]
    /// Tokens of each continuation.
    public var length: Int
    /// Epochs after which to write; nil is after the last alone.
    public var every: Int?
    /// Continuations of each prompt in each way, with as many seeds; nil is 1.
    public var count: Int?
    /// How the next token is chosen: `greedy`, `temperature X` or `alpha X`; nil is greedy alone.
    public var strategies: [String]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case prompts, length, every, count, strategies
    }

    /// The strategy of a name; nil for one that is none.
    static func strategy(_ name: String) -> SamplingStrategy? {
        let words = name.split(separator: " ")
        if words == ["greedy"] { return .greedy }
        guard words.count == 2, let value = Double(words[1]), value > 0, value.isFinite else { return nil }
        return switch words[0] {
        case "temperature": .temperature(value)
        case "alpha": .alpha(value)
        default: nil
        }
    }
}

/// What somebody else reports of the same setting.
public struct ReportedSection: Sendable, Equatable, Codable {
    /// The result in a few words, for the table.
    public var result: String?
    /// A curve of perplexities.
    public var curve: [CurvePoint]?
    /// Speeds.
    public var speeds: [Speed]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case result, curve, speeds
    }

    /// A perplexity after an epoch.
    public struct CurvePoint: Sendable, Equatable, Codable {
        /// The epoch, counted from 1.
        public var epoch: Int
        /// The perplexity of the training text.
        public var perplexity: Double

        enum CodingKeys: String, CodingKey, CaseIterable {
            case epoch, perplexity
        }
    }

    /// How fast somebody else trains, in one of two units.
    public struct Speed: Sendable, Equatable, Codable {
        /// Whose it is.
        public var by: String
        /// Tokens in a second.
        public var tokensPerSecond: Double?
        /// Seconds for a pass over the text.
        public var secondsPerEpoch: Double?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case by, tokensPerSecond, secondsPerEpoch
        }

        /// The seconds that it would take for as many tokens in as many epochs.
        func seconds(tokens: Int, epochs: Int) -> Double? {
            tokensPerSecond.map { Double(tokens) / $0 } ?? secondsPerEpoch.map { $0 * Double(epochs) }
        }
    }
}

/// A figure that the recipe is to reach.
public struct Expectation: Sendable, Equatable, Codable {
    /// What is measured.
    public enum Figure: String, Sendable, Codable, CaseIterable {
        /// The perplexity of an epoch's training tokens.
        case perplexity
        /// The perplexity of the held-out text.
        case validationPerplexity
    }

    /// Which of the seeds' figures counts.
    public enum Choice: String, Sendable, Codable, CaseIterable {
        /// The greatest, so that every seed reaches the value.
        case worst
        /// The median.
        case median
    }

    /// The setting, where there are several.
    public var setting: String?
    /// What is measured.
    public var figure: Figure
    /// After which epoch, counted from 1; nil is the last.
    public var epoch: Int?
    /// Which of the seeds' figures counts.
    public var of: Choice
    /// The value to reach.
    public var value: Double
    /// The share of the value by which the figure may be above it.
    public var tolerance: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case setting, figure, epoch, of, value, tolerance
    }

    /// The greatest figure that is still right.
    public var bound: Double { value * (1 + tolerance) }
}
