import Foundation
import UnrollTraining

/// What came of a recipe.
public struct RecipeResult: Sendable, Encodable {
    /// The recipe's name.
    public var recipe: String
    /// The recipe's title.
    public var title: String
    /// What came of each setting.
    public var settings: [SettingResult]
    /// Which expectations were met.
    public var verdicts: [Verdict] = []

    /// Whether every expectation was met.
    public var isAsExpected: Bool { verdicts.allSatisfy(\.isMet) }
}

/// What came of a setting.
public struct SettingResult: Sendable, Encodable {
    /// The setting's name; empty if the recipe has only one.
    public var name: String
    /// A run for each seed.
    public var runs: [RunResult]
}

/// What came of a network trained from one seed.
public struct RunResult: Sendable, Encodable {
    /// The seed.
    public var seed: UInt64
    /// The perplexity of each epoch's training tokens.
    public var perplexity: [Double] = []
    /// The perplexity of the held-out text after each epoch; empty if there is none.
    public var validationPerplexity: [Double] = []
    /// The mean over the last validation's minibatches of exp(mean loss), which the book's slides call perplexity.
    ///
    /// It depends on how the text is cut; of minibatches of equal size it is never less than the perplexity.
    public var meanOfExponentials: Double?
    /// The epoch, counted from 1, in which the loss ceased to be a number.
    public var divergedInEpoch: Int?
    /// Tokens trained on.
    public var tokens = 0
    /// Seconds from the beginning to the end, with validation and samples.
    public var seconds = 0.0
    /// The most bytes that the tensors of a minibatch took, at the level of tensors.
    public var tensorBytes: Int?
    /// What the network wrote.
    public var samples: [Sample] = []

    init(seed: UInt64) {
        self.seed = seed
    }

    /// A figure after an epoch, counted from 1, or after the last; infinite once training has diverged.
    func figure(_ figure: Expectation.Figure, epoch: Int? = nil) -> Double? {
        let values = figure == .perplexity ? perplexity : validationPerplexity
        let index = epoch.map { $0 - 1 } ?? values.count - 1
        if divergedInEpoch != nil, epoch == nil || index >= values.count { return .infinity }
        return values.indices.contains(index) ? values[index] : nil
    }
}

/// What a network wrote after a prompt.
public struct Sample: Sendable, Encodable {
    /// After which epoch, counted from 1.
    public var epoch: Int
    /// What it went on from.
    public var prompt: String
    /// How the next token was chosen.
    public var strategy: String
    /// The continuations, one for each seed of generation.
    public var texts: [String]
    /// The share of different ones among all runs of four characters in the continuations, between 0 and 1.
    public var diversity: Double

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

/// An expectation, and what came instead.
public struct Verdict: Sendable, Encodable {
    /// What was to come out.
    public var expectation: Expectation
    /// What came out; nil if the runs ended before.
    public var found: Double?
    /// Whether that is near enough.
    public var isMet: Bool

    init(_ expectation: Expectation, in settings: [SettingResult]) {
        self.expectation = expectation
        let setting =
            expectation.setting.flatMap { name in settings.first { $0.name == name } } ?? settings.first
        let figures = (setting?.runs ?? []).map { run in
            run.figure(expectation.figure, epoch: expectation.epoch)
        }
        let known = figures.compactMap { $0 }
        // A seed without a figure is no seed that met it.
        found =
            known.count < figures.count || known.isEmpty
            ? nil : expectation.of == .worst ? known.max() : median(known)
        isMet = found.map { $0 <= expectation.bound } ?? false
    }
}

/// The value in the middle, or the mean of the two there; nan of nothing.
func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}
