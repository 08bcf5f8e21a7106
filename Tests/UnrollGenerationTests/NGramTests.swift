import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Whether whatever asks a model with n-grams for probabilities gets the same ones.
@Suite struct NGramTests {
    private static let text = String(repeating: "time traveller, the time machine\n", count: 4) + "a lamp"

    private static func model(_ kind: TokenKind = .characters, weight: Double = 0.5) throws -> LanguageModel {
        let corpus = try Corpus(text: text, tokens: kind)
        let configuration = ModelConfiguration(
            cell: LSTMCell.self, hiddenSize: 21, ngrams: NGramConfiguration(order: 4, weight: weight))
        return try LanguageModel(
            configuration: configuration, vocabulary: corpus.vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: corpus.vocabulary.count, initializer: .uniform, seed: 5),
            ngrams: NGramModel(of: corpus.tokens, vocabularySize: corpus.vocabulary.count, order: 4))
    }

    @Test(arguments: TokenKind.allCases) func countsAreKnownAtOnce(kind: TokenKind) async throws {
        let model = try Self.model(kind, weight: 0.95)
        let text = try await model.text(after: "time tra", length: kind == .words ? 2 : 6)
        #expect(kind == .words || text.hasPrefix("veller") || kind == .subwords, "\(text)")
        #expect(try model.score("time traveller, the").nats < model.score("time machine, the a").nats)
    }

    @Test(arguments: TokenKind.allCases) func aStateThatWasSavedGoesOn(kind: TokenKind) async throws {
        let model = try Self.model(kind)
        for text in ["t", "time traveller", "time traveller, the ti"] {
            let state = try model.read(text)
            let read = try GenerationState(data: state.data(for: model), for: model)
            #expect(read == state)
            #expect(try model.read("me", after: read) == model.read("me", after: state))
            #expect(try model.read("me", after: state).logits == model.read(text + "me").logits)
            let (first, second) = (try model.complete(from: state), try model.complete(from: read))
            #expect(first == second)
        }
    }

    @Test func samplesAreThoseOfOneTextAfterTheOther() async throws {
        let model = try Self.model()
        let options = TextGenerationOptions(length: 40)
        let samples = try await model.generateSamples(after: "ti", count: 5, options: options)
        for (seed, sample) in samples.enumerated() {
            let text = try await model.text(
                after: "ti", length: 40, strategy: .temperature(1), seed: UInt64(seed))
            #expect(sample.text == text)
        }
    }

    @Test func aSearchFindsTheProbabilitiesOfScores() throws {
        let model = try Self.model()
        for hypothesis in try model.beamSearch(after: "\ntime ", options: .init(width: 3, length: 6)) {
            let score = try model.score("time " + hypothesis.text)
            let surprisal = score.tokens.dropFirst(5).reduce(0) { $0 + Double($1.surprisal) }
            #expect(abs(surprisal + hypothesis.logProbability) < 1e-3)
        }
        let completion = try #require(try Self.model(weight: 0.95).complete("\ntime tra", count: 1).first)
        #expect(completion.text == "veller")
    }

    @Test func aModelThatLearnsWhileItReadsKeepsItsCounts() throws {
        let model = try Self.model()
        let corpus = try Corpus(
            bytes: String(repeating: "the lamp time ", count: 20).utf8, name: "",
            vocabulary: model.vocabulary)
        let still = try model.evaluate(on: corpus)
        let slow = try model.evaluate(on: corpus, adapting: .init(optimizer: .init(learningRate: 1e-9)))
        #expect(abs(slow.nats / still.nats - 1) < 1e-4)
        let adapting = try model.evaluate(on: corpus, adapting: .init(optimizer: .init(learningRate: 0.3)))
        #expect(adapting.nats < 0.99 * still.nats)
    }
}
