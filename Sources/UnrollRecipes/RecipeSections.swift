import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollText
import UnrollTraining

/// One way of training that a recipe tries: its only one, or one of its variants.
package struct RecipeSetting: Sendable {
    /// What distinguishes it from the recipe's other settings; empty if it is the only one.
    package let name: String
    /// The text.
    package let corpus: CorpusSection
    /// The model's cell and sizes.
    package let model: ModelConfiguration
    /// The options of training; the seed is the recipe's.
    package let training: TrainingOptions
    /// What computes.
    ///
    /// Default: `fused`.
    package let engine: Engine
    /// Whether the gradient stops at the start of a minibatch rather than of the epoch.
    ///
    /// Default: true.
    package let detachesState: Bool

    /// What computes a recipe.
    package enum Engine: String, Sendable, Codable, CaseIterable {
        /// `CPUEngine`.
        case fused
        /// Tensors with automatic differentiation, as the book's chapter is written.
        case tensors
    }

    /// Whether some of the text is held out for validation.
    package var isHeldOut: Bool {
        training.validationFraction != nil || training.validationWindows != nil
    }

    /// Whether nothing but the learning rate and the bound of the gradient decides how it learns, as in the chapter.
    var learnsPlainly: Bool {
        training.optimizer
            == Optimizer(
                learningRate: training.optimizer.learningRate,
                maxGradientNorm: training.optimizer.maxGradientNorm)
            && training.schedule == LearningRateSchedule() && training.validationSteps == nil
            && training.earlyStopping == nil && training.maxRecoveries == 0
            && training.regularization == Regularization() && model.zoneout == Zoneout()
    }

    /// The options of a run with a seed.
    package func options(seed: UInt64) -> TrainingOptions {
        var options = training
        options.seed = seed
        return options
    }
}

/// A recipe's text, and how it is read.
package struct CorpusSection: Sendable, Equatable, Codable {
    /// A name of the catalog, `sample` for the bundled story, or a path relative to the recipe's folder.
    package var text: String
    /// The checksum of the file, 64 hexadecimal digits; nil for any text of that name.
    package var sha256: String?
    /// The preprocessing of the text.
    package var preprocessing: Preprocessing
    /// The kind of its tokens.
    package var tokens: TokenKind
    /// The number of subwords; nil for that which suits the text, and for other tokens.
    package var vocabularySize: Int?
    /// Tokens that occur less often are unknown, at least 1; nil is 1.
    package var minimumFrequency: Int?
    /// The tokens to use, from the start of the text, at least 1; nil for all.
    package var limit: Int?

    /// How to find and read the text, or another one in the same way.
    package func origin(otherText: String? = nil) -> CorpusOrigin {
        CorpusOrigin(
            sources: [otherText ?? text], preprocessing: preprocessing, tokens: tokens,
            vocabularySize: vocabularySize, minimumFrequency: minimumFrequency ?? 1, limit: limit)
    }
}

/// The texts that the trained models generate.
package struct SamplesSection: Sendable, Equatable, Codable {
    /// The prompts.
    package var prompts: [String]
    /// Tokens of each continuation, at least 1.
    package var length: Int
    /// Epochs between samples, at least 1; nil for the last epoch alone.
    package var every: Int?
    /// Continuations of each prompt by each strategy, with as many seeds, at least 1; nil is 1.
    package var count: Int?
    /// Sampling strategies: `greedy`, `temperature X` or `alpha X`; nil is greedy alone.
    package var strategies: [String]?

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

/// What others report of the same setting.
package struct ReportedSection: Sendable, Equatable, Codable {
    /// The result in a few words, for the table.
    package var result: String?
    /// A curve of perplexities.
    package var curve: [CurvePoint]?
    /// Speeds.
    package var speeds: [Speed]?

    /// A perplexity after an epoch.
    package struct CurvePoint: Sendable, Equatable, Codable {
        /// The epoch, counted from 1.
        package var epoch: Int
        /// The perplexity of the training text.
        package var perplexity: Double
    }

    /// The speed of another implementation, in one of two units.
    package struct Speed: Sendable, Equatable, Codable {
        /// The implementation.
        package var by: String
        /// Tokens per second.
        package var tokensPerSecond: Double?
        /// Seconds for a pass over the text.
        package var secondsPerEpoch: Double?

        /// The seconds that it would take for as many tokens in as many epochs.
        func seconds(tokens: Int, epochs: Int) -> Double? {
            tokensPerSecond.map { Double(tokens) / $0 } ?? secondsPerEpoch.map { $0 * Double(epochs) }
        }
    }
}

/// A figure that the recipe is expected to reach.
package struct Expectation: Sendable, Equatable, Codable {
    /// What is measured.
    package enum Figure: String, Sendable, Codable, CaseIterable {
        /// The perplexity of an epoch's training tokens.
        case perplexity
        /// The perplexity of the held-out text.
        case validationPerplexity
    }

    /// Which of the seeds' figures counts.
    package enum Choice: String, Sendable, Codable, CaseIterable {
        /// The highest, so that every seed reaches the value.
        case worst
        /// The median.
        case median
    }

    /// The setting, where there are several.
    package var setting: String?
    /// What is measured.
    package var figure: Figure
    /// The epoch, counted from 1; nil for the last.
    package var epoch: Int?
    /// Which of the seeds' figures counts.
    package var of: Choice
    /// The value to reach, above 0.
    package var value: Double
    /// The fraction of the value by which the figure may exceed it, at least 0.
    package var tolerance: Double

    /// The highest figure that meets the expectation.
    package var bound: Double { value * (1 + tolerance) }
}
