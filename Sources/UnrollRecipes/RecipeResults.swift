import Foundation
import UnrollBase

/// The results of a recipe.
package struct RecipeResult: Sendable, Encodable {
    /// The recipe's name.
    package var recipe: String
    /// The recipe's title.
    package var title: String
    /// The results of each setting.
    package var settings: [SettingResult]
    /// Which expectations were met.
    package var verdicts: [Verdict] = []

    /// Whether every expectation was met.
    package var isAsExpected: Bool { verdicts.allSatisfy(\.isMet) }
}

/// The results of a setting.
package struct SettingResult: Sendable, Codable {
    /// The setting's name; empty if the recipe has only one.
    package var name: String
    /// A run for each seed.
    package var runs: [RunResult]
}

/// The results of a network trained from one seed.
package struct RunResult: Sendable, Codable {
    /// The seed.
    package var seed: UInt64
    /// The perplexity of each epoch's training tokens.
    package var perplexity: [Double] = []
    /// The perplexity of the held-out text after each epoch; empty if there is none.
    package var validationPerplexity: [Double] = []
    /// The mean over the last validation's minibatches of exp(mean loss), which the book's slides call perplexity.
    ///
    /// It depends on how the text is cut; of minibatches of equal size it is never less than the perplexity.
    package var meanOfExponentials: Double?
    /// The epoch, counted from 1, in which training diverged.
    package var divergedInEpoch: Int?
    /// Tokens trained on.
    package var tokens = 0
    /// Seconds from the beginning to the end, including validation and samples.
    package var seconds = 0.0
    /// The most bytes that tensors took at once, those of earlier minibatches included where the gradient goes back there.
    package var tensorBytes: Int?
    /// The texts that the network generated.
    package var samples: [Sample] = []

    init(seed: UInt64) {
        self.seed = seed
    }

    /// Writes results for another process, those beyond all numbers included.
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }

    /// Reads those of another process.
    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }

    /// A figure after an epoch, counted from 1, or after the last; infinite once training has diverged.
    func figure(_ figure: Expectation.Figure, epoch: Int? = nil) -> Double? {
        let values = figure == .perplexity ? perplexity : validationPerplexity
        let index = epoch.map { $0 - 1 } ?? values.count - 1
        if divergedInEpoch != nil, epoch == nil || index >= values.count { return .infinity }
        return values.indices.contains(index) ? values[index] : nil
    }
}

/// Text that a network has generated after a prompt.
package struct Sample: Sendable, Codable {
    /// The epoch after which it was generated, counted from 1.
    package var epoch: Int
    /// The prompt.
    package var prompt: String
    /// The sampling strategy.
    package var strategy: String
    /// The continuations, one for each seed of generation.
    package var texts: [String]
    /// The share of different ones among all runs of four characters in the continuations, between 0 and 1.
    package var diversity: Double

    init(epoch: Int, prompt: String, strategy: String, texts: [String]) {
        self.epoch = epoch
        self.prompt = prompt
        self.strategy = strategy
        self.texts = texts
        let runs = texts.flatMap { text in
            let characters = Array(text)
            return (0..<max(0, characters.count - 3)).map { String(characters[$0..<$0 + 4]) }
        }
        diversity = runs.isEmpty ? 0 : Double(Set(runs).count) / Double(runs.count)
    }
}

/// An expectation, and the figure that was measured.
package struct Verdict: Sendable, Encodable {
    /// The expectation.
    package var expectation: Expectation
    /// The measured figure; nil if the runs stopped before it.
    package var found: Double?
    /// Whether the figure is within the tolerance.
    package var isMet: Bool

    init(_ expectation: Expectation, in settings: [SettingResult]) {
        self.expectation = expectation
        let setting =
            expectation.setting.flatMap { name in settings.first { $0.name == name } } ?? settings.first
        let figures = (setting?.runs ?? []).map { run in
            run.figure(expectation.figure, epoch: expectation.epoch)
        }
        let known = figures.compactMap { $0 }
        // A seed without a figure has not met it.
        found =
            known.count < figures.count || known.isEmpty
            ? nil : expectation.of == .worst ? known.max() : known.median
        isMet = found.map { $0.isFinite && $0 <= expectation.bound } ?? false
    }
}
