import Foundation
import Testing
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Prompts of subwords that break off where no token ends.
@Suite struct LastTokenTests {
    private let model: LanguageModel

    init() throws {
        let text = String(
            repeating: "the cat sat; the cats sat, the catalog: a thesis, those cars. ", count: 3)
        model = try BeamSearchTests.model(text: text, tokens: .subwords)
    }

    /// Probabilities by the definition: of each token that begins like the last one, after all tokens before that.
    private func probabilities(after prompt: String) throws -> [(token: Int32, probability: Double)] {
        let tokens = model.vocabulary.encode(prompt: prompt).ids
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        for token in tokens.dropLast() { try engine.advance(token, logits: &logits) }
        let last = model.vocabulary.bytes(of: try #require(tokens.last))
        let total = logits.reduce(0) { $0 + exp(Double($1)) }
        return (0..<Int32(logits.count)).filter { model.vocabulary.bytes(of: $0).starts(with: last) }
            .map { ($0, exp(Double(logits[Int($0)])) / total) }
    }

    private func rest(of token: Int32, after prompt: String) -> String {
        let last = model.vocabulary.encode(prompt: prompt).ids.last.map(model.vocabulary.bytes) ?? []
        return String(decoding: model.vocabulary.bytes(of: token).dropFirst(last.count), as: UTF8.self)
    }

    private static let prompts = ["the ", "the ca", "a thes", "the cat", "sat; th"]

    @Test(arguments: prompts) func theMostProbableTokenThatBeginsLikeTheLastOneComes(prompt: String)
        async throws
    {
        let all = try probabilities(after: prompt)
        #expect(all.count > 1)
        let best = try #require(all.max { $0.probability < $1.probability })
        let expected = rest(of: best.token, after: prompt)
        let text = try await model.text(after: prompt, length: 1, strategy: .greedy)
        // A token that adds nothing does not count, so that another follows.
        #expect(expected.isEmpty ? !text.isEmpty : text == expected)
        // It is said once, and the state has read it.
        let state = try model.read(prompt)
        var summary: GenerationSummary?
        for try await piece in model.generate(from: state, options: .init(length: 4, strategy: .greedy)) {
            summary = piece.summary ?? summary
        }
        let end = try #require(summary)
        #expect(end.tokenCount == 4)
        let isRepeated = expected.isEmpty
        #expect(end.state.tokenCount == state.tokenCount + (isRepeated ? 4 : 3))
        #expect(end.state.recentTokens[state.tokenCount - 1] == best.token)
    }

    @Test func samplesAreThoseOfOneTextAfterTheOther() async throws {
        for prompt in Self.prompts {
            let samples = try await model.generateSamples(after: prompt, count: 20, options: .init(length: 6))
            for (seed, sample) in samples.enumerated() {
                let text = try await model.text(
                    after: prompt, length: 6, strategy: .temperature(1), seed: UInt64(seed))
                #expect(sample.text == text)
                #expect(sample.summary?.promptTokenCount == model.vocabulary.encode(prompt: prompt).ids.count)
            }
        }
    }

    /// As often as the probabilities say, within four standard deviations.
    @Test func samplesHaveTheProbabilitiesOfTheTokens() async throws {
        let all = try probabilities(after: "the ")
        let total = all.reduce(0) { $0 + $1.probability }
        let count = 4_000
        let samples = try await model.generateSamples(after: "the ", count: count, options: .init(length: 1))
        for (token, probability) in all where token != model.vocabulary.id(of: " ") {
            let share = probability / total
            let found = samples.count { $0.text == rest(of: token, after: "the ") }
            // The space itself may be followed by a token of the same text.
            #expect(
                Double(found) > Double(count) * share - 4 * (Double(count) * share).squareRoot(),
                "\(token): \(found) of \(share)")
        }
    }

    @Test func bansAreOnWhatIsGenerated() async throws {
        let names = Set(
            (0..<Int32(model.vocabulary.count)).compactMap(model.vocabulary.token).filter {
                $0.hasPrefix(" ")
            })
        #expect(names.contains(" ") && names.contains(" cat"))
        let samples = try await model.generateSamples(
            after: "the ", count: 50, options: .init(length: 3, bannedTokens: names))
        #expect(!samples.contains { $0.text.contains(" ") })
    }

    @Test func aSearchFindsAllTokensThatBeginLikeTheLastOne() throws {
        for prompt in Self.prompts {
            let all = try probabilities(after: prompt).filter { !rest(of: $0.token, after: prompt).isEmpty }
            let found = try model.beamSearch(
                after: prompt, options: .init(width: 4_000, length: 1, lengthPenalty: 0))
            for (token, probability) in all {
                let hypothesis = try #require(found.first { $0.tokens == [token] })
                #expect(hypothesis.text == rest(of: token, after: prompt))
                #expect(abs(exp(hypothesis.logProbability) - probability) < 1e-5)
            }
            let last = try #require(model.vocabulary.encode(prompt: prompt).ids.last)
            #expect(found.allSatisfy { $0.tokens.count == 1 || $0.tokens.count == 2 && $0.tokens[0] == last })
        }
    }

    /// Nothing is known before the first token, and nothing is generated that would replace the last.
    @Test func otherwiseThePromptIsAsItWasRead() async throws {
        let state = try model.read("the ca")
        for try await piece in model.generate(from: state, options: .init(length: 0)) {
            #expect(try #require(piece.summary).state == state)
        }
        let first = try model.read("t")
        let best = try #require(first.logits.indices.dropFirst().max { first.logits[$0] < first.logits[$1] })
        let text = try await model.text(after: "t", length: 1, strategy: .greedy)
        #expect(text == String(decoding: model.vocabulary.bytes(of: Int32(best)), as: UTF8.self))
    }
}
