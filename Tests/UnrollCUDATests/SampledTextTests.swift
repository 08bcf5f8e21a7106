import Testing
import UnrollCUDA
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Texts of an engine that chooses tokens by itself, which have to be those of one that does not.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct SampledTextTests {
    private static let text = "the quick brown fox jumps over the lazy dog, and the dog sleeps on"

    private static func model(
        _ tokens: TokenKind = .characters, hasNGrams: Bool,
        change: (inout ModelParameters) -> Void = { _ in }
    ) throws -> (host: LanguageModel, device: LanguageModel, launches: () -> Int) {
        let model = try LanguageModel.untrained(
            text: text, tokens: tokens, hiddenSize: 20, seed: 3,
            ngrams: hasNGrams ? NGramConfiguration() : nil, change: change)
        let device = EmulatedDevice(seed: 1)
        let maker = EngineMaker { configuration, parameters, settings in
            try CUDAEngine(
                configuration: configuration, parameters: parameters, precision: settings.precision,
                recurrence: .grid, on: device)
        }
        return (model, model.computed(by: maker), { device.launches["sample"] ?? 0 })
    }

    private static let options: [TextGenerationOptions] = [
        .init(length: 0), .init(length: 1), .init(length: 40, strategy: .greedy),
        .init(length: 270, temperature: 0.8, seed: 1), .init(length: 40, strategy: .alpha(2), seed: 2),
        .init(length: 40, temperature: 1, topK: 3, seed: 3),
        .init(length: 40, temperature: 1, topP: 0.7, seed: 4),
        .init(length: 40, temperature: 1, topK: 9, topP: 0.9, minP: 0.2, seed: 5),
        .init(
            length: 80, temperature: 0.7, repetitionPenalty: 1.8, repetitionWindow: 9,
            bannedTokens: ["e", " "],
            seed: 6),
        .init(length: 80, temperature: 2, repetitionPenalty: 0.5, repetitionWindow: 256, seed: 7),
        .init(length: 200, temperature: 1, seed: 8, stopStrings: ["o", "qu"]),
        .init(length: 40, temperature: 1, seed: UInt64.max, stopStrings: ["not there"]),
    ]

    private func expectSame(_ actual: GeneratedText?, _ wanted: GeneratedText?) throws {
        let actual = try #require(actual?.summary), wanted = try #require(wanted?.summary)
        #expect(actual.tokenCount == wanted.tokenCount && actual.stopReason == wanted.stopReason)
        #expect(actual.state.tokenCount == wanted.state.tokenCount)
        #expect(actual.state.recentTokens == wanted.state.recentTokens)
        #expect(zip(actual.state.logits, wanted.state.logits).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test(arguments: options.indices, [false, true])
    func streamsAreThoseOfTheProcessor(index: Int, hasNGrams: Bool) async throws {
        let (host, device, launches) = try Self.model(hasNGrams: hasNGrams)
        let options = Self.options[index]
        var texts: [String] = [], ends: [GeneratedText?] = []
        for model in [host, device] {
            var text = "", end: GeneratedText?
            for try await piece in model.generate(after: "the d", options: options) {
                text += piece.text
                end = piece
            }
            texts.append(text)
            ends.append(end)
        }
        #expect(texts[0] == texts[1])
        #expect((launches() > 0) == (options.length > 0))
        try expectSame(ends[1], ends[0])
        // From where it stopped, both go on alike.
        if let state = ends[1]?.summary?.state, let other = ends[0]?.summary?.state {
            let next = try await device.generate(from: state, options: options).first { $0.summary == nil }
            let wanted = try await host.generate(from: other, options: options).first { $0.summary == nil }
            #expect(next?.text == wanted?.text)
        }
    }

    @Test(arguments: options.indices, [false, true])
    func samplesAreThoseOfTheProcessor(index: Int, hasNGrams: Bool) async throws {
        let (host, device, _) = try Self.model(hasNGrams: hasNGrams)
        let options = Self.options[index]
        let wanted = try await host.generateSamples(after: "fox", count: 5, options: options, threads: 1)
        let actual = try await device.generateSamples(after: "fox", count: 5, options: options, threads: 1)
        #expect(actual.map(\.text) == wanted.map(\.text))
        for (actual, wanted) in zip(actual, wanted) { try expectSame(actual, wanted) }
    }

    /// Some tokens complete no character.
    @Test(arguments: [TokenKind.bytes, .words], [false, true])
    func otherTokensAreChosenAlike(kind: TokenKind, hasNGrams: Bool) async throws {
        let (host, device, _) = try Self.model(kind, hasNGrams: hasNGrams)
        let options = TextGenerationOptions(length: 50, temperature: 1.5, seed: 4)
        let wanted = try await host.generateSamples(after: "the ", count: 3, options: options, threads: 1)
        let actual = try await device.generateSamples(after: "the ", count: 3, options: options, threads: 1)
        #expect(actual.map(\.text) == wanted.map(\.text))
        for (actual, wanted) in zip(actual, wanted) { try expectSame(actual, wanted) }
    }

    /// Several engines would only share the device.
    @Test(arguments: [false, true]) func oneEngineHasAllSamples(hasNGrams: Bool) async throws {
        let options = TextGenerationOptions(length: 12, temperature: 1, seed: 5)
        var counts: [Int] = []
        for threads in [1, 4] {
            let (_, device, launches) = try Self.model(hasNGrams: hasNGrams)
            _ = try await device.generateSamples(after: "fox", count: 40, options: options, threads: threads)
            counts.append(launches())
        }
        #expect(counts[0] == counts[1])
    }

    @Test(arguments: [false, true]) func batchedTextsAreThoseOfTheProcessor(hasNGrams: Bool) async throws {
        let (host, device, _) = try Self.model(hasNGrams: hasNGrams)
        var texts: [[String]] = []
        for model in [host, device] {
            let generator = try BatchGenerator(model, width: 4, threads: 3)
            let pending = try (1...7).map { seed in
                let options = TextGenerationOptions(length: 6 * seed, temperature: 1, seed: UInt64(seed))
                return try generator.generate(.init(.text(seed % 2 == 0 ? "fox" : "the d"), options: options))
            }
            var found: [String] = []
            for text in pending {
                found.append(try await text.reduce(into: "") { $0 += $1.text })
            }
            texts.append(found)
        }
        #expect(texts[0] == texts[1] && texts[0].map(\.count) == (1...7).map { 6 * $0 })
    }

    @Test(arguments: [false, true]) func logitsThatAreNoNumbersAreAnError(hasNGrams: Bool) async throws {
        let (_, device, _) = try Self.model(hasNGrams: hasNGrams) { $0.fill("decoder.bias", with: .nan) }
        await expectGenerationError(.notANumber) {
            for try await _ in device.generate(after: "the", options: .init(length: 3)) {}
        }
        await expectGenerationError(.notANumber) {
            _ = try await device.generateSamples(after: "the", count: 2, options: .init(length: 3))
        }
    }
}
