import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Frequencies over many draws, from models whose logits are the same at every step.
@Suite struct SamplingTests {
    static let logits: [Float] = [3, 1.5, 0.2, -1, 0, 2]
    static let draws = 20_000

    /// The squared deviations from the expected counts, in units of these: chi-square with one degree less than tokens.
    private func deviation(_ strategy: SamplingStrategy, from weight: (Double) -> Double) async throws
        -> Double
    {
        let model = try LanguageModel.constant(logits: Self.logits)
        let text = try await model.text(after: "a", length: Self.draws, strategy: strategy, seed: 11)
        let tokens = model.vocabulary.encode(text).ids
        let weights = Self.logits.dropFirst().map { weight(Double($0)) }
        return weights.enumerated().reduce(0) { sum, next in
            let expected = Double(Self.draws) * next.element / weights.reduce(0, +)
            let count = Double(tokens.count { $0 == next.offset + 1 })
            return sum + (count - expected) * (count - expected) / expected
        }
    }

    // Five tokens, four degrees of freedom: more than 23.5 comes once in ten thousand seeds, and the seed is fixed.
    @Test(arguments: [0.5, 1, 1.7, 10])
    func temperatureDividesLogits(temperature: Double) async throws {
        #expect(try await deviation(.temperature(temperature)) { exp($0 / temperature) } < 23.5)
        // It would be seen if it did not.
        #expect(
            try await deviation(.temperature(temperature)) { exp($0 / temperature * 1.2) } > 23.5
                || temperature == 10)
    }

    @Test(arguments: [0.3, 1, 2])
    func alphaIsThePowerOfProbabilities(alpha: Double) async throws {
        let total = Self.logits.dropFirst().reduce(0) { $0 + exp(Double($1)) }
        #expect(try await deviation(.alpha(alpha)) { pow(exp($0) / total, alpha) } < 23.5)
    }

    @Test(arguments: [0.25, 0.5, 2, 4])
    func alphaIsOneOverTemperature(alpha: Double) async throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        for seed in 0..<5 as Range<UInt64> {
            #expect(
                try await model.text(after: "t", length: 200, strategy: .alpha(alpha), seed: seed)
                    == model.text(after: "t", length: 200, strategy: .temperature(1 / alpha), seed: seed))
        }
    }

    @Test(arguments: [SamplingStrategy.greedy, .temperature(1), .temperature(100), .alpha(3)])
    func unknownIsNeverEmitted(strategy: SamplingStrategy) async throws {
        let model = try LanguageModel.constant(logits: [1e6, 0, 1, 2])
        let text = try await model.text(after: "a", length: 500, strategy: strategy)
        #expect(text.count == 500)
        #expect(text.allSatisfy { "abc".contains($0) })
    }

    @Test func theFirstOfEqualTokensIsGreedy() async throws {
        let model = try LanguageModel.constant(logits: [0, 1, 2, 2, 1])
        #expect(try await model.text(after: "a", length: 3) == "bbb")
    }
}
