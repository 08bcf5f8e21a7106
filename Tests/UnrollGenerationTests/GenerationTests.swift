import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

@Suite struct GenerationTests {
    // MARK: What comes out

    @Test func aTrainedModelGoesOn() async throws {
        let trainer = try Trainer(
            corpus: Corpus(text: String(repeating: "abc", count: 60)),
            model: ModelConfiguration(hiddenSize: 8),
            options: TrainingOptions(epochs: 20, batchSize: 2, sequenceLength: 6), engine: .cpu(threads: 1))
        for try await _ in trainer.run() {}
        let model = try trainer.languageModel()
        #expect(try await model.text(after: "abc", length: 7) == "abcabca")
        #expect(try await model.text(after: "cab", length: 4) == "cabc")
        let sampled = try await model.text(after: "abcabc", length: 6, strategy: .temperature(0.1))
        #expect(sampled == "abcabc")
    }

    @Test func greedyIsTheMostProbableTokenOfTheReferenceEngine() async throws {
        let model = try LanguageModel.untrained(text: "time traveller", hiddenSize: 33)
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        var expected = ""
        for token in model.vocabulary.encode("time").ids { try engine.advance(token, logits: &logits) }
        for _ in 0..<20 {
            let best = try #require(logits.indices.dropFirst().max { logits[$0] < logits[$1] })
            expected += model.vocabulary.token(Int32(best)) ?? ""
            try engine.advance(Int32(best), logits: &logits)
        }
        #expect(try await model.text(after: "time", length: 20) == expected)
        // No seed has a say in it.
        #expect(try await model.text(after: "time", length: 20, seed: 9) == expected)
    }

    @Test func theSeedDecidesTheText() async throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let text = try await model.text(after: "time", length: 100, strategy: .temperature(1), seed: 5)
        #expect(try await model.text(after: "time", length: 100, strategy: .temperature(1), seed: 5) == text)
        #expect(try await model.text(after: "time", length: 100, strategy: .temperature(1), seed: 6) != text)
        #expect(text.count == 100)
    }

    @Test func theNumberOfThreadsDoesNotMatter() async throws {
        let model = try LanguageModel.untrained(text: "time traveller", hiddenSize: 70)
        var texts: Set<String> = []
        for threads in 1...3 {
            var text = ""
            let options = TextGenerationOptions(length: 40, temperature: 1)
            for try await piece in model.generate(after: "t", options: options, threads: threads) {
                text += piece.text
            }
            texts.insert(text)
        }
        #expect(texts.count == 1)
    }

    @Test func noLengthIsNoText() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        #expect(try await model.text(after: "a", length: 0) == "")
        #expect(try await model.pieces(after: "a", length: 1).count == 1)
    }

    @Test func unknownCharactersOfThePromptAreReadAsUnknown() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        #expect(model.vocabulary.encode("aж漢").unknownTokens == ["ж", "漢"])
        #expect(
            try await model.text(after: "aж漢", length: 30) == model.text(after: "a漢ж", length: 30))
        #expect(try await model.text(after: "ж", length: 30).count == 30)
    }

    @Test func thePromptIsPreprocessed() async throws {
        let vocabulary = try Corpus(text: "the time machine", preprocessing: .letters).vocabulary
        let configuration = ModelConfiguration(hiddenSize: 7)
        let model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: try ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 1))
        #expect(
            try await model.text(after: "THE, TIME", length: 30) == model.text(after: "the time", length: 30))
    }

    // MARK: Pieces

    @Test func piecesOfByteModelsAreWholeCharacters() async throws {
        // No training: bytes of several scripts come in any order, valid sequences among them.
        let text = "aж漢😀"
        let model = try LanguageModel.untrained(text: text, tokens: .bytes)
        for seed in 0..<20 as Range<UInt64> {
            let pieces = try await model.pieces(
                after: "a", length: 200, strategy: .temperature(3), seed: seed)
            let engineBytes = try await bytes(of: model, length: 200, seed: seed)
            #expect(pieces.joined() == String(decoding: engineBytes, as: UTF8.self))
            #expect(pieces.allSatisfy { !$0.isEmpty })
        }
    }

    /// The bytes that the model chooses, found with a byte sampler of this test.
    private func bytes(of model: LanguageModel, length: Int, seed: UInt64) async throws -> [UInt8] {
        let engine = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, threads: 1)
        var random = RandomSource(seed: seed, purpose: .generation)
        var logits: [Float] = []
        var bytes: [UInt8] = []
        try engine.advance(model.vocabulary.encode("a").ids[0], logits: &logits)
        for _ in 0..<length {
            let weights = logits.map { exp(Double($0) / 3) }
            let point = random.uniform() * weights.dropFirst().reduce(0, +)
            var sum = 0.0
            let token = weights.indices.dropFirst().first { index in
                sum += weights[index]
                return sum > point
            }
            let id = Int32(try #require(token))
            bytes += model.vocabulary.bytes(of: id)
            try engine.advance(id, logits: &logits)
        }
        return bytes
    }

    @Test func aLearnedTextOfBytesComesBackWhole() async throws {
        let text = "Привет, 世界! 😀 "
        let trainer = try Trainer(
            corpus: Corpus(text: String(repeating: text, count: 12), tokens: .bytes),
            model: ModelConfiguration(hiddenSize: 48),
            options: TrainingOptions(epochs: 40, batchSize: 2, sequenceLength: 16), engine: .cpu(threads: 1))
        for try await _ in trainer.run() {}
        let length = text.utf8.count
        let pieces = try await trainer.languageModel().pieces(after: text, length: length)
        #expect(pieces.joined() == text)
        #expect(pieces == text.unicodeScalars.map(String.init))
    }

    @Test func aCharacterThatIsCutOffAtTheEndIsReplaced() async throws {
        // The most probable byte is always the first of a sequence of two.
        let model = try LanguageModel.untrained(text: "жa", tokens: .bytes) { parameters in
            parameters.fill("decoder.weight", with: 0)
        }
        let lead = try #require(model.vocabulary.id(of: "<0xD0>"))
        var parameters = model.parameters
        var bias = [Float](repeating: 0, count: model.vocabulary.count)
        bias[Int(lead)] = 5
        parameters.set("decoder.bias", to: bias)
        let greedy = try LanguageModel(
            configuration: model.configuration, vocabulary: model.vocabulary, parameters: parameters)
        #expect(try await greedy.text(after: "a", length: 3) == "\u{FFFD}\u{FFFD}\u{FFFD}")
    }

    @Test func wordsAreJoinedBySpaces() async throws {
        let model = try LanguageModel.untrained(text: "the time machine", tokens: .words)
        let pieces = try await model.pieces(after: "the", length: 6, strategy: .temperature(1))
        #expect(pieces.count == 6)
        #expect(pieces.allSatisfy { [" the", " time", " machine"].contains($0) })
        // A prompt that ends with a space has it already.
        let spaced = try await model.pieces(after: "the ", length: 6, strategy: .temperature(1))
        #expect(" " + spaced.joined() == pieces.joined())
    }

    // MARK: Refusals

    @Test func optionsThatMakeNoSenseAreRefused() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        await expectGenerationError(.emptyPrompt) { _ = try await model.text(after: "", length: 5) }
        await expectGenerationError { _ = try await model.text(after: "a", length: -1) }
        for value in [0, -1, .nan, .infinity] as [Double] {
            for strategy in [SamplingStrategy.temperature(value), .alpha(value)] {
                await expectGenerationError {
                    _ = try await model.text(after: "a", length: 5, strategy: strategy)
                }
            }
        }
        await expectGenerationError {
            for try await _ in model.generate(after: "a", threads: 0) {}
        }
    }

    @Test func extremeStrategiesGiveText() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        let greedy = try await model.text(after: "a", length: 20)
        for strategy in [
            SamplingStrategy.temperature(.leastNonzeroMagnitude), .temperature(1e-9), .alpha(1e9),
            .alpha(.greatestFiniteMagnitude),
        ] {
            #expect(try await model.text(after: "a", length: 20, strategy: strategy) == greedy)
        }
        for strategy in [
            SamplingStrategy.temperature(.greatestFiniteMagnitude), .alpha(.leastNonzeroMagnitude),
        ] {
            #expect(try await model.text(after: "a", length: 20, strategy: strategy).count == 20)
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func parametersThatAreNoNumbersAreNoticed(value: Float) async throws {
        for name in ["decoder.bias", "decoder.weight"] {
            let model = try LanguageModel.untrained(text: "abc") { $0.fill(name, with: value) }
            for strategy in [SamplingStrategy.greedy, .temperature(1), .alpha(2)] {
                await expectGenerationError(.notANumber) {
                    _ = try await model.text(after: "a", length: 3, strategy: strategy)
                }
            }
            await expectGenerationError(.notANumber) {
                _ = try model.evaluate(
                    on: Corpus(bytes: Array("abcabc".utf8), name: "", vocabulary: model.vocabulary))
            }
        }
    }
}
