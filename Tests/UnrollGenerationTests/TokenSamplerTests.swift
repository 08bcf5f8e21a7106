import Foundation
import Testing
import UnrollBase
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Counts of drawn tokens against the definition of each way to sample, written out here once more.
@Suite struct TokenSamplerTests {
    static let logits: [Float] = [4, 3, 1.5, 0.2, -1, 0, 2, 2, -0.5, 1, -2.5, 0.7]
    /// The first eleven letters by frequency and then by bytes: token 1 is `a`.
    static let vocabulary = Result { try Corpus(text: "abcdefghijk").vocabulary }
    static let read: [Int32] = [1, 6, 6, 9, 4]
    static let generated: [Int32] = [7, 2, 2, 6]

    /// Probabilities by definition: each step sorts and sums anew.
    static func definition(_ options: TextGenerationOptions) throws -> [Double] {
        var scores = logits.map(Double.init)
        for (token, bias) in options.logitBias { scores[Int(token)] += bias }
        for token in Set((read + generated).suffix(options.repetitionWindow)).map(Int.init) {
            scores[token] *= scores[token] < 0 ? options.repetitionPenalty : 1 / options.repetitionPenalty
        }
        for token in scores.indices {
            let count = Double(generated.count { $0 == token })
            scores[token] -= min(count, 1) * options.presencePenalty + count * options.frequencyPenalty
        }
        let vocabulary = try Self.vocabulary.get()
        var allowed = Set(1..<scores.count).filter { token in
            !options.bannedTokens.contains(vocabulary.token(Int32(token)) ?? "")
        }
        switch options.strategy {
        case .greedy: allowed = allowed.max { (scores[$0], -$0) < (scores[$1], -$1) }.map { [$0] } ?? []
        case .temperature(let temperature): for token in scores.indices { scores[token] /= temperature }
        case .alpha(let alpha): for token in scores.indices { scores[token] *= alpha }
        }
        func ranked() -> [Int] { allowed.sorted { (scores[$0], -$0) > (scores[$1], -$1) } }
        func probability(_ token: Int) -> Double {
            exp(scores[token]) / allowed.reduce(0) { $0 + exp(scores[$1]) }
        }
        if let topK = options.topK, topK < allowed.count {
            let least = scores[ranked()[topK - 1]]
            allowed = allowed.filter { scores[$0] >= least }
        }
        if options.topP < 1 {
            let sizes = (1...allowed.count).filter { size in
                ranked().prefix(size).reduce(0) { $0 + probability($1) } >= options.topP
            }
            allowed = Set(ranked().prefix(sizes.first ?? allowed.count))
        }
        let greatest = ranked().first.map(probability) ?? 1
        let kept = allowed.filter { probability($0) >= options.minP * greatest }
        allowed = kept
        return scores.indices.map { allowed.contains($0) ? probability($0) : 0 }
    }

    static let options: [TextGenerationOptions] = [
        .init(), .init(temperature: 0.5), .init(temperature: 1.7), .init(strategy: .alpha(0.3)),
        .init(strategy: .alpha(2)), .init(topK: 1), .init(topK: 2), .init(topK: 5), .init(topK: 100),
        .init(topP: 0.3), .init(topP: 0.8), .init(topP: 0.99), .init(minP: 0.05), .init(minP: 0.4),
        .init(minP: 1), .init(repetitionPenalty: 1.5), .init(repetitionPenalty: 0.5),
        .init(repetitionPenalty: 1.5, repetitionWindow: 2),
        .init(repetitionPenalty: 3, repetitionWindow: 256), .init(bannedTokens: ["a", "c", "k"]),
        .init(strategy: .greedy), .init(strategy: .greedy, repetitionPenalty: 4),
        .init(strategy: .greedy, bannedTokens: ["a"]),
        .init(temperature: 1.4, topK: 6, topP: 0.9), .init(temperature: 0.6, topK: 8, minP: 0.02),
        .init(temperature: 2, topP: 0.7, minP: 0.1),
        .init(
            temperature: 1.2, topK: 9, topP: 0.95, minP: 0.03, repetitionPenalty: 1.3, repetitionWindow: 3,
            bannedTokens: ["b", "f"]),
        .init(strategy: .alpha(0.8), topK: 7, topP: 0.9, repetitionPenalty: 1.1),
        .init(presencePenalty: 1.5), .init(frequencyPenalty: 0.7), .init(frequencyPenalty: -2),
        .init(logitBias: [1: -100, 5: 2.5, 11: 100]), .init(logitBias: [3: 4, 6: -1]),
        .init(strategy: .greedy, presencePenalty: 2, logitBias: [1: -3]),
        .init(
            temperature: 0.9, topP: 0.9, repetitionPenalty: 1.2, presencePenalty: 0.5, frequencyPenalty: 0.4,
            logitBias: [4: 3], bannedTokens: ["c"]),
    ]

    static func sampler(_ options: TextGenerationOptions) throws -> TokenSampler {
        var sampler = try TokenSampler(options, vocabulary: vocabulary.get())
        sampler.observe(read)
        for token in generated { sampler.observe(generated: token) }
        return sampler
    }

    @Test(arguments: options) func countsAreThoseOfTheDefinition(options: TextGenerationOptions) throws {
        let draws = 20_000
        var options = options
        options.seed = 5
        var sampler = try Self.sampler(options)
        var counts = [Int](repeating: 0, count: Self.logits.count)
        for _ in 0..<draws { counts[Int(try sampler.choose(from: Self.logits))] += 1 }

        let expected = try Self.definition(options).map { $0 * Double(draws) }
        #expect(abs(expected.reduce(0, +) - Double(draws)) < 1e-6)
        var (deviation, possible) = (0.0, 0)
        for (count, expected) in zip(counts, expected) {
            if expected == 0 {
                #expect(count == 0)
            } else {
                let difference = Double(count) - expected
                deviation += difference * difference / expected
                possible += 1
            }
        }
        #expect(deviation <= Self.chiSquare(degrees: Double(possible - 1)))
    }

    /// What a sum of squares with so many degrees of freedom exceeds once in ten thousand seeds (Wilson, Hilferty, 1931).
    private static func chiSquare(degrees: Double) -> Double {
        guard degrees > 0 else { return 0 }
        let width = 2 / (9 * degrees)
        return degrees * pow(1 - width + 3.719 * width.squareRoot(), 3)
    }

    @Test(arguments: options) func probabilitiesAreThoseOfTheDefinition(options: TextGenerationOptions) throws
    {
        var sampler = try Self.sampler(options)
        let found = try sampler.probabilities(of: Self.logits)
        for (found, expected) in zip(found, try Self.definition(options)) {
            #expect(abs(found - expected) < 1e-12)
        }
    }

    @Test func thePenaltyForgetsWhatLeavesItsWindow() throws {
        let vocabulary = try Self.vocabulary.get()
        let options = TextGenerationOptions(repetitionPenalty: 2, repetitionWindow: 3)
        var sampler = try TokenSampler(options, vocabulary: vocabulary)
        var read: [Int32] = []
        for step in 0..<40 {
            let token = Int32(1 + step * step % 11)
            read.append(token)
            sampler.observe(generated: token)
            var fresh = try TokenSampler(options, vocabulary: vocabulary)
            fresh.observe(read)
            #expect(
                try sampler.probabilities(of: Self.logits) == fresh.probabilities(of: Self.logits))
        }
    }

    @Test func thePenaltySeesThePromptAndWhatCameBefore() async throws {
        let model = try LanguageModel.constant(logits: [0, 4, 3, 2.1])
        for (window, expected) in [(1, "bababa"), (2, "bcabca"), (3, "bcaabc")] {
            let options = TextGenerationOptions(
                length: 6, strategy: .greedy, repetitionPenalty: 2, repetitionWindow: window)
            var text = ""
            for try await piece in model.generate(after: "a", options: options) { text += piece.text }
            #expect(text == expected, "\(window)")
            var rest = ""
            let state = try model.read("a" + text.prefix(3))
            for try await piece in model.generate(from: state, options: options) { rest += piece.text }
            #expect(rest.prefix(3) == text.suffix(3), "\(window)")
        }
    }

    @Test(arguments: [
        TextGenerationOptions(topK: 0), .init(topK: -1), .init(topP: 0), .init(topP: 2), .init(topP: .nan),
        .init(topP: -1), .init(minP: -0.1), .init(minP: 1.1), .init(minP: .nan), .init(repetitionPenalty: 0),
        .init(repetitionPenalty: -1), .init(repetitionPenalty: .nan), .init(repetitionPenalty: .infinity),
        .init(repetitionWindow: 0), .init(repetitionWindow: -5), .init(repetitionWindow: 257),
        .init(bannedTokens: ["z"]),
        .init(bannedTokens: ["ab"]), .init(bannedTokens: [""]),
        .init(bannedTokens: Set("abcdefghijk".map(String.init))),
    ])
    func optionsThatMakeNoSenseAreRefused(options: TextGenerationOptions) async throws {
        let vocabulary = try Self.vocabulary.get()
        await expectGenerationError { _ = try TokenSampler(options, vocabulary: vocabulary) }
    }

    @Test func errorsNameTheOption() throws {
        for (options, name) in [
            (TextGenerationOptions(topK: 0), "topK"), (.init(topP: 2), "topP"),
            (.init(minP: 3), "minP"), (.init(repetitionPenalty: 0), "repetitionPenalty"),
            (.init(repetitionWindow: 0), "repetitionWindow"), (.init(bannedTokens: ["zz"]), "zz"),
        ] {
            let vocabulary = try Self.vocabulary.get()
            expectError(naming: name) { _ = try TokenSampler(options, vocabulary: vocabulary) }
        }
    }

    @Test func logitsThatAreNoNumbersAreNoticed() throws {
        for value in [Float.nan, .infinity, -.infinity] {
            var logits = Self.logits
            logits[3] = value
            for options in Self.options {
                var sampler = try Self.sampler(options)
                #expect(throws: GenerationError.notANumber) { try sampler.choose(from: logits) }
            }
        }
    }
}
