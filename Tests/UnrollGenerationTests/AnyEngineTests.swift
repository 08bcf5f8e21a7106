import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Whether a model computed by the reference engine generates and scores as by the CPU engine.
@Suite struct AnyEngineTests {
    private let model: LanguageModel
    private let reference: LanguageModel

    init() throws {
        let vocabulary = try Corpus(text: "time traveller\n,.-").vocabulary
        let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 21, layerCount: 2)
        model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 5))
        reference = model.computed(by: .reference)
    }

    @Test func theEngineIsTheOneAskedFor() throws {
        for (model, name) in [(model, "cpu"), (reference, "reference"), (model, "cpu")] {
            try model.withEngine(precision: .float32, threads: 1) {
                #expect($0.description.name == name)
            }
        }
    }

    @Test func textsAreTheSame() async throws {
        for strategy in [SamplingStrategy.greedy, .temperature(1)] {
            let text = try await model.text(after: "time ", length: 80, strategy: strategy)
            #expect(try await reference.text(after: "time ", length: 80, strategy: strategy) == text)
        }
        let options = TextGenerationOptions(length: 30)
        let samples = try await model.generateSamples(after: "t", count: 9, options: options)
        #expect(
            try await reference.generateSamples(after: "t", count: 9, options: options).map(\.text)
                == samples.map(\.text))
    }

    @Test func aStateOfOneEngineIsContinuedByTheOther() async throws {
        let state = try reference.read("time tra")
        var text = ""
        for try await piece in model.generate(from: state, options: .init(length: 20, strategy: .greedy)) {
            text += piece.text
        }
        #expect(try await model.text(after: "time tra", length: 20) == text)
    }

    @Test func scoresAreTheSame() throws {
        let lines = ["time traveller", "", "rellevart, emit", String(repeating: "tram ", count: 40)]
        for (score, other) in zip(try model.scoreLines(lines), try reference.scoreLines(lines)) {
            #expect(score.tokens.count == other.tokens.count)
            for (token, other) in zip(score.tokens, other.tokens) {
                #expect(abs(token.surprisal - other.surprisal) < 1e-5)
                #expect(abs(token.entropy - other.entropy) < 1e-5)
            }
        }
        let corpus = try Corpus(
            bytes: Array(lines.joined(separator: "\n").utf8), name: "", vocabulary: model.vocabulary)
        for adaptation in [nil, DynamicEvaluation()] {
            let nats = try model.evaluate(on: corpus, adapting: adaptation).nats
            #expect(abs(try reference.evaluate(on: corpus, adapting: adaptation).nats / nats - 1) < 1e-5)
        }
    }

    @Test func searchesFindTheSame() throws {
        let hypotheses = try model.beamSearch(after: "ti", options: .init(width: 3, length: 6))
        let others = try reference.beamSearch(after: "ti", options: .init(width: 3, length: 6))
        #expect(hypotheses.map(\.text) == others.map(\.text))
        let completions = try model.complete("ti", count: 4, maximumLength: 4)
        #expect(
            try reference.complete("ti", count: 4, maximumLength: 4).map(\.text) == completions.map(\.text))
        let text = Array("time traveller\n".utf8)
        let inspection = try model.inspect(text)
        #expect(
            try reference.inspect(text).alternatives.map { $0.map(\.id) }
                == inspection.alternatives.map { $0.map(\.id) })
    }

    @Test func linesOfAnAsyncSequenceAreScoredAsTheyCome() async throws {
        let lines = ["time traveller", "", "rellevart"]
        let stream = AsyncStream<String> { continuation in
            for line in lines { continuation.yield(line) }
            continuation.finish()
        }
        var scores: [LineScore] = []
        for try await line in model.lineScores(of: stream) { scores.append(line) }
        #expect(scores.map(\.number) == [1, 2, 3])
        #expect(scores.map(\.score) == (try model.scoreLines(lines)))
        struct Broken: Error {}
        let broken = AsyncThrowingStream<String, any Error> { throw Broken() }
        await #expect(throws: Broken.self) { for try await _ in model.lineScores(of: broken) {} }
    }

    @Test func resultsPrintInOneLine() async throws {
        let score = try model.scoreLines(["time xx"])[0]
        let state = try model.read("time")
        var summary: GenerationSummary?
        for try await piece in model.generate(from: state, options: .init(length: 5)) {
            #expect("\(piece)" == piece.text)
            summary = piece.summary ?? summary
        }
        let values: [any CustomStringConvertible] = [
            score, try #require(try await scores(["time xx"]).first), try #require(summary),
            try model.complete("ti", count: 1)[0],
            try model.beamSearch(after: "t", options: .init(width: 1, length: 3))[0],
            try model.evaluate(
                on: Corpus(bytes: Array("time t".utf8), name: "", vocabulary: model.vocabulary)),
            StepResult(meanLoss: 1.5, gradientNorm: 0.25),
        ]
        for value in values {
            #expect(!"\(value)".contains("\n") && !"\(value)".isEmpty)
            #expect(!"\(value)".contains("Optional") && !"\(value)".contains("UnrollGeneration"), "\(value)")
        }
        #expect("\(values[0])".contains("⟦") == (score.span != nil))
    }

    private func scores(_ lines: [String]) async throws -> [LineScore] {
        let stream = AsyncStream { continuation in
            for line in lines { continuation.yield(line) }
            continuation.finish()
        }
        var scores: [LineScore] = []
        for try await line in model.lineScores(of: stream) { scores.append(line) }
        return scores
    }
}

/// States as data, and the committed file of version 1.
@Suite struct GenerationStateFormatTests {
    private static let fixture = "generation-state-1.safetensors"

    private func model() throws -> LanguageModel {
        try .untrained(text: "aж漢", tokens: .bytes, hiddenSize: 33)
    }

    /// Two bytes of three of a character.
    private func state(of model: LanguageModel) async throws -> GenerationState {
        var summary: GenerationSummary?
        for try await piece in model.generate(after: "aж漢a", options: .init(length: 4, seed: 3)) {
            summary = piece.summary ?? summary
        }
        return try #require(summary).state
    }

    @Test func aStateIsSavedAsData() async throws {
        let model = try model()
        let state = try await state(of: model)
        let data = try state.data(for: model)
        #expect(try GenerationState(data: data, for: model) == state)
        let other = try LanguageModel.untrained(text: "aж漢", tokens: .bytes, hiddenSize: 33, seed: 2)
        #expect(throws: GenerationError.stateOfAnotherModel) { try GenerationState(data: data, for: other) }
        for count in [0, 7, 100, data.count - 1] {
            let error = #expect(throws: GenerationError.self) {
                try GenerationState(data: data.prefix(count), for: model)
            }
            #expect(error?.description.hasPrefix(":") == false)
            if case .unusableState(path: nil, _) = error { continue }
            Issue.record("\(count) bytes")
        }
    }

    /// `UNROLL_FIXTURES=Tests/UnrollGenerationTests/Fixtures` writes the file anew, which only a new version may need.
    @Test func version1IsReadable() async throws {
        let model = try model()
        if let folder = ProcessInfo.processInfo.environment["UNROLL_FIXTURES"] {
            let url = URL(fileURLWithPath: folder).appendingPathComponent(Self.fixture)
            try await state(of: model).save(to: url, for: model)
        }
        let url = try #require(
            Bundle.module.url(forResource: "Fixtures", withExtension: nil)?.appendingPathComponent(
                Self.fixture))
        let state = try GenerationState(contentsOf: url, for: model)
        #expect(state.tokenCount == 11)
        #expect(state.recentTokens.prefix(7) == model.vocabulary.encode("aж漢a").ids[...])
        // As another machine's kernels compute it, up to rounding.
        var read = RecurrentState(zerosFor: model.configuration)
        try model.withEngine(precision: .float32, threads: 1) { engine in
            try engine.resetState()
            var logits: [Float] = []
            for token in state.recentTokens { try engine.advance(token, logits: &logits) }
            #expect(zip(logits, state.logits).allSatisfy { abs($0 - $1) < 1e-5 })
            try engine.copyState(to: &read)
        }
        for (actual, expected) in zip(state.recurrentState.tensors.entries, read.tensors.entries) {
            #expect(zip(actual.values, expected.values).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }
}
