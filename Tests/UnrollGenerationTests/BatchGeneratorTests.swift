import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Texts of different prompts and options side by side.
@Suite struct BatchGeneratorTests {
    private static let text = String(
        repeating: "the cat sat; the cats sat, the catalog: a thesis, those cars. ", count: 3)
    private static let kinds: [TokenKind] = [.characters, .bytes, .words, .subwords]

    private static func model(_ tokens: TokenKind = .characters) throws -> LanguageModel {
        try BeamSearchTests.model(text: text, tokens: tokens)
    }

    /// Requests of many kinds: prompts of one token and of many, states, ids, stop strings, all options.
    private static func requests(_ model: LanguageModel) throws -> [GenerationRequest] {
        let state = try model.read("the cats sat, the ca")
        let ids = model.vocabulary.encode("a thesis").ids
        return [
            .init(.text("the ca"), options: .init(length: 30, seed: 1)),
            .init(.text("t"), options: .init(length: 7, strategy: .greedy)),
            .init(.text(String(repeating: "the cat sat; ", count: 9)), options: .init(length: 3, seed: 2)),
            .init(.text("talog"), after: state, options: .init(length: 25, seed: 3)),
            .init(.text(""), after: state, options: .init(length: 12, temperature: 0.7, topK: 5, seed: 4)),
            .init(.tokens(ids), options: .init(length: 40, topP: 0.9, minP: 0.01, seed: 5)),
            .init(.text("those "), options: .init(length: 200, seed: 6, stopStrings: ["s", "a t"])),
            .init(
                .text("a"), options: .init(length: 18, repetitionPenalty: 1.4, presencePenalty: 1, seed: 7)),
            .init(.text("cars"), options: .init(length: 18, logitBias: [2: 3], bannedTokens: [], seed: 8)),
            .init(
                .text("sat"), options: .init(length: 9, seed: 9), alternativeCount: 3, includesPrompt: true),
            .init(.tokens([]), after: state, options: .init(length: 5, seed: 10), alternativeCount: 0),
            .init(.text("the "), options: .init(length: 0)),
        ]
    }

    /// All of a text, and its summary without durations.
    private struct Result: Equatable {
        var text = ""
        var tokens: [GeneratedToken] = []
        var stopReason: StopReason?
        var counts: [Int] = []
        var state: GenerationState?

        init(_ pieces: BatchedText) async throws {
            for try await piece in pieces {
                text += piece.text
                tokens += piece.tokens
                guard let summary = piece.summary else { continue }
                stopReason = summary.stopReason
                counts = [summary.promptTokenCount, summary.tokenCount]
                state = summary.state
            }
        }
    }

    private func results(
        _ requests: [GenerationRequest], _ generator: BatchGenerator
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, try await Result(generator.generate(request))) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                .sorted { $0.key < $1.key }.map(\.value)
        }
    }

    // MARK: What comes out

    @Test(arguments: kinds, [Precision.float32, .bfloat16, .int8])
    func aTextIsTheSameBitForBitWhateverIsBesideIt(tokens: TokenKind, precision: Precision) async throws {
        let model = try Self.model(tokens)
        let requests = try Self.requests(model)
        var alone: [Result] = []
        for request in requests {
            let generator = try BatchGenerator(model, width: 1, precision: precision)
            alone.append(try await Result(generator.generate(request)))
        }
        for (width, threads) in [(3, 1), (64, 1), (5, 2)] {
            let generator = try BatchGenerator(model, width: width, precision: precision, threads: threads)
            // Several times, as it depends on chance which texts meet.
            for _ in 0..<3 { #expect(try await results(requests, generator) == alone) }
            await Self.waitForEnd(of: generator)
        }
    }

    /// A text leaves the batch a moment after its last piece has come.
    private static func waitForEnd(of generator: BatchGenerator) async {
        while generator.textCounts != (0, 0) { await Task.yield() }
    }

    @Test(arguments: kinds) func textsAreThoseOfAStream(tokens: TokenKind) async throws {
        let model = try Self.model(tokens)
        let generator = try BatchGenerator(model)
        for request in try Self.requests(model) {
            guard case .text(let prompt) = request.prompt, !request.includesPrompt else { continue }
            let start = try prompt.isEmpty ? request.earlier : model.read(prompt, after: request.earlier)
            var (expected, summary) = ("", GenerationSummary?.none)
            for try await piece in model.generate(from: try #require(start), options: request.options) {
                expected += piece.text
                summary = piece.summary
            }
            let found = try await Result(generator.generate(request))
            #expect(found.text == expected)
            #expect(found.stopReason == summary?.stopReason && found.counts.last == summary?.tokenCount)
            #expect(found.state?.tokenCount == summary?.state.tokenCount)
            #expect(found.state?.recentTokens == summary?.state.recentTokens)
        }
    }

    @Test func anyEngineWillDo() async throws {
        let model = try Self.model()
        let requests = try Self.requests(model)
        let expected = try await results(requests, BatchGenerator(model)).map(\.text)
        let reference = try BatchGenerator(model.computed(by: .reference))
        #expect(try await results(requests, reference).map(\.text) == expected)
    }

    @Test func anNGramModelBesideTheNetworkKnowsItsRows() async throws {
        let corpus = try Corpus(text: Self.text)
        var configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 21)
        configuration.ngrams = NGramConfiguration(order: 3, weight: 0.4)
        let model = try LanguageModel(
            configuration: configuration, vocabulary: corpus.vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: corpus.vocabulary.count, initializer: .uniform, seed: 5),
            ngrams: NGramModel(of: corpus.tokens, vocabularySize: corpus.vocabulary.count, order: 3))
        let requests = try Self.requests(model)
        var alone: [Result] = []
        for request in requests {
            alone.append(try await Result(BatchGenerator(model, width: 1).generate(request)))
        }
        #expect(try await results(requests, BatchGenerator(model, width: 5, threads: 1)) == alone)
    }

    // MARK: Tokens

    @Test(arguments: kinds) func tokensAreToldWithTheirProbabilities(tokens: TokenKind) async throws {
        let model = try Self.model(tokens)
        let options = TextGenerationOptions(length: 12, temperature: 0.5, seed: 3)
        let request = GenerationRequest(
            .text("the cat"), options: options, alternativeCount: 4, includesPrompt: true)
        let result = try await Result(BatchGenerator(model).generate(request))
        let prompt = model.vocabulary.encode(prompt: "the cat").ids
        #expect(result.tokens.prefix(prompt.count).map(\.id) == prompt)
        #expect(result.tokens.map(\.isPrompt) == result.tokens.indices.map { $0 < prompt.count })
        #expect(result.tokens.dropFirst(prompt.count).map(\.text).joined() == result.text)
        // By the definition, in double precision.
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        for (index, token) in result.tokens.enumerated() {
            if index == 0 {
                #expect(token.logProbability == nil && token.alternatives.isEmpty)
            } else {
                let total = log(logits.reduce(0) { $0 + exp(Double($1)) })
                let expected = logits.map { Double($0) - total }
                #expect(abs(try #require(token.logProbability) - expected[Int(token.id)]) < 1e-5)
                let best = expected.indices.sorted { expected[$0] > expected[$1] }.prefix(4)
                #expect(token.alternatives.map(\.id) == best.map(Int32.init))
                for (alternative, id) in zip(token.alternatives, best) {
                    #expect(abs(alternative.logProbability - expected[id]) < 1e-5)
                }
            }
            try engine.advance(token.id, logits: &logits)
        }
    }

    @Test func tokensOfAStopStringAreNotTold() async throws {
        let model = try LanguageModel.constant(logits: [0, 9, -9, -9, -9])
        let options = TextGenerationOptions(length: 50, strategy: .greedy, stopStrings: ["aaaa"])
        let result = try await Result(
            BatchGenerator(model).generate(.init(.text("b"), options: options, alternativeCount: 0)))
        #expect(result.text == "" && result.tokens.isEmpty && result.stopReason == .stopString("aaaa"))
        var other = options
        other.stopStrings = ["b", "ac"]
        let whole = try await Result(
            BatchGenerator(model).generate(.init(.text("b"), options: other, alternativeCount: 0)))
        #expect(whole.text.count == 50 && whole.tokens.count == 50)
    }

    // MARK: Together

    @Test func aLongPromptStallsNoOther() async throws {
        let model = try Self.model()
        let generator = try BatchGenerator(model, width: 4, threads: 1)
        let long = try generator.generate(
            .init(.tokens([Int32](repeating: 1, count: 2_000_000)), options: .init(length: 1)))
        for seed in 0..<5 {
            let options = TextGenerationOptions(length: 20, seed: UInt64(seed))
            #expect(
                try await Result(generator.generate(.init(.text("the"), options: options))).text.count == 20)
        }
        #expect(generator.textCounts.running >= 1)
        withExtendedLifetime(long) {}
    }

    @Test func aTextThatNoOneReadsEnds() async throws {
        let model = try Self.model()
        let generator = try BatchGenerator(model, width: 2, threads: 1)
        let endless = GenerationRequest(.text("the"), options: .init(length: .max))
        for try await piece in try generator.generate(endless) where !piece.text.isEmpty { break }
        _ = try generator.generate(endless)
        let reading = Task { try await Result(generator.generate(endless)) }
        while generator.textCounts.running == 0 { await Task.yield() }
        // Two run, others wait; all are released.
        let texts = try (0..<5).map { _ in try generator.generate(endless) }
        #expect(generator.textCounts.waiting >= 4)
        _ = consume texts
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
        await Self.waitForEnd(of: generator)
    }

    @Test func aSlowReaderGetsAllAtOnce() async throws {
        let model = try Self.model()
        let generator = try BatchGenerator(model)
        let request = GenerationRequest(.text("the"), options: .init(length: 500, seed: 3))
        let text = try generator.generate(request)
        while generator.textCounts.running > 0 { await Task.yield() }
        var pieces: [GeneratedPiece] = []
        for try await piece in text { pieces.append(piece) }
        #expect(pieces.count == 1 && pieces[0].text.count == 500 && pieces[0].summary?.tokenCount == 500)
    }

    // MARK: Errors

    @Test func whatCannotBeGeneratedIsRefused() async throws {
        let model = try Self.model()
        let generator = try BatchGenerator(model)
        let other = try Self.model(.words).read("the cat")
        await expectGenerationError(.emptyPrompt) { _ = try generator.generate(.init(.text(""))) }
        await expectGenerationError(.emptyPrompt) { _ = try generator.generate(.init(.tokens([]))) }
        await expectGenerationError(.stateOfAnotherModel) {
            _ = try generator.generate(.init(.text("a"), after: other))
        }
        for id in [-1, Int32(model.vocabulary.count), .max] {
            await expectError(EngineError.tokenOutOfRange(id, vocabularySize: model.vocabulary.count)) {
                _ = try generator.generate(.init(.tokens([1, id])))
            }
            await expectError(EngineError.tokenOutOfRange(id, vocabularySize: model.vocabulary.count)) {
                _ = try generator.generate(.init(.text("a"), options: .init(logitBias: [id: 1])))
            }
        }
        let refused: [GenerationRequest] = [
            .init(.text("a"), options: .init(length: -1)), .init(.text("a"), options: .init(topP: 2)),
            .init(.text("a"), options: .init(presencePenalty: 3)),
            .init(.text("a"), options: .init(frequencyPenalty: .nan)),
            .init(.text("a"), options: .init(logitBias: [1: 101])),
            .init(.text("a"), options: .init(precision: .bfloat16)),
            .init(.text("a"), alternativeCount: -1), .init(.text("a"), includesPrompt: true),
        ]
        for request in refused {
            #expect(throws: ParameterError.self) { try generator.generate(request) }
        }
        #expect(throws: ParameterError.self) { try BatchGenerator(model, width: 0) }
        #expect(throws: ParameterError.self) { try BatchGenerator(model, threads: 0) }
    }

    @Test func aModelWhoseOutputIsNotFiniteEndsTheText() async throws {
        let model = try LanguageModel.constant(logits: [0, 9, .nan])
        let generator = try BatchGenerator(model)
        await expectGenerationError(.notANumber) {
            _ = try await Result(generator.generate(.init(.text("a"))))
        }
        await Self.waitForEnd(of: generator)
    }
}
