import Foundation
import Testing
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// One perplexity for one text, however it is measured.
@Suite struct OneDefinitionTests {
    private func model(
        _ kind: TokenKind, _ preprocessing: Preprocessing = .none, embedding: Int? = nil,
        hasNGrams: Bool = false, knowing text: String
    ) throws -> LanguageModel {
        let vocabulary = try Corpus(text: text, preprocessing: preprocessing, tokens: kind).vocabulary
        let configuration = ModelConfiguration(
            cell: GRUCell.self, hiddenSize: 21, layerCount: 2, embeddingSize: embedding,
            ngrams: hasNGrams ? NGramConfiguration(order: 3) : nil)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 3),
            ngrams: configuration.ngrams.map {
                try NGramModel(
                    of: Corpus(bytes: text.utf8, name: "", vocabulary: vocabulary).tokens,
                    vocabularySize: vocabulary.count, order: $0.order)
            })
    }

    private static let lines = [
        "t", "time", "time, traveller: time", String(repeating: "time ", count: 6) + "t",
        String(repeating: "traveller, time ", count: 60),
    ]

    /// Equal but for the order of sums: a text by itself is computed by another kernel than several side by side.
    private static func agree(_ evaluation: Evaluation, _ other: Evaluation) -> Bool {
        evaluation.tokens == other.tokens && abs(evaluation.nats / other.nats - 1) < 1e-5
            && (evaluation.bitsPerByte == nil) == (other.bitsPerByte == nil)
            && (evaluation.bitsPerCharacter == nil) == (other.bitsPerCharacter == nil)
    }

    @Test(arguments: TokenKind.allCases, [(nil, false), (5, false), (nil, true)] as [(Int?, Bool)])
    func allWaysToMeasureALineAgree(kind: TokenKind, model: (embedding: Int?, hasNGrams: Bool)) throws {
        let (embedding, hasNGrams) = model
        let folder = try TemporaryFolder()
        for known in ["time, traveller: é\n", "time, traveller: é"] {
            let model = try self.model(kind, embedding: embedding, hasNGrams: hasNGrams, knowing: known)
            // The end of a line is one of its tokens, if the model knows it.
            let end = kind == .subwords || kind != .words && known.hasSuffix("\n") ? "\n" : ""
            for line in Self.lines {
                let text = line + end
                try folder.write(text, to: "text")
                let score = try model.scoreLines([line], threads: 1)[0]
                let expected = Evaluation(score)
                #expect(try Evaluation(model.score(text)) == expected)
                #expect(try Evaluation(model.inspect(Array(text.utf8)).score) == expected)
                let corpus = try Corpus(bytes: text.utf8, name: "", vocabulary: model.vocabulary)
                let evaluation = try model.evaluate(on: corpus, threads: 2)
                #expect(try model.evaluate(contentsOf: folder("text"), threads: 1) == evaluation)
                #expect(Self.agree(evaluation, expected))
                #expect(score.tokens.count == corpus.tokens.count)
            }
        }
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func aTextOfOneTokenHasAResult(kind: TokenKind, preprocessing: Preprocessing) throws {
        let model = try model(kind, preprocessing, knowing: "a b\nab")
        let corpus = try Corpus(bytes: "a".utf8, name: "", vocabulary: model.vocabulary)
        let evaluation = try model.evaluate(on: corpus)
        #expect(evaluation.tokens == 1 && evaluation.nats > 0)
        #expect(Self.agree(evaluation, try Evaluation(model.inspect(Array("a".utf8)).score)))
        let adapting = try model.evaluate(on: corpus, adapting: DynamicEvaluation())
        #expect(adapting.tokens == 1 && abs(adapting.nats - evaluation.nats) < 1e-5)
        if kind == .words { #expect(abs(evaluation.perplexity - Double(model.vocabulary.count)) < 1e-5) }
    }

    // MARK: Bits per byte

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func bitsPerByteAreThoseOfALosslessCode(kind: TokenKind, preprocessing: Preprocessing) throws {
        let model = try model(kind, preprocessing, knowing: "time traveller\n é")
        for (text, isKnown) in [("time é", true), ("time q é", false)] {
            let bytes = Double(text.utf8.count)
            let corpus = try Corpus(bytes: text.utf8, name: "", vocabulary: model.vocabulary)
            let isLossless = kind != .words && preprocessing == .none && (isKnown || kind == .subwords)
            for evaluation in [
                try model.evaluate(on: corpus), try Evaluation(model.score(text)),
                try Evaluation(model.inspect(Array(text.utf8)).score),
                try model.evaluate(on: corpus, adapting: DynamicEvaluation()),
            ] {
                #expect(
                    evaluation.bitsPerByte == (isLossless ? evaluation.nats / log(2) / bytes : nil))
                #expect((evaluation.bitsPerCharacter == nil) == (kind != .characters))
            }
        }
    }

    @Test(arguments: [Preprocessing.none, .lowercase]) func whiteSpaceThatIsNotCodedDoesNotCount(
        preprocessing: Preprocessing
    ) throws {
        let model = try model(.words, preprocessing, knowing: "the cat sat")
        let texts = ["the cat sat", "the  cat \n\n sat"]
        let evaluations = try texts.map { text in
            try model.evaluate(on: Corpus(bytes: text.utf8, name: "", vocabulary: model.vocabulary))
        }
        #expect(evaluations[0] == evaluations[1])
        #expect(evaluations[0].bitsPerByte == nil)
        #expect(!evaluations[0].description.contains("per byte"))
        let scores = try texts.map { try model.score($0) }
        #expect(scores[0].nats == scores[1].nats)
        #expect(scores.allSatisfy { $0.description.contains("bits per token") })
    }

    // MARK: Ends of lines and texts

    @Test func aLineBreakIsOneSpaceWhereWhiteSpaceIsSqueezed() throws {
        let model = try model(.characters, .lowercase, knowing: "the cat sat")
        let scores = try model.scoreLines(["the  cat", "", "  ", " sat "])
        #expect(scores.map { $0.tokens.count } == [8, 0, 0, 4])
        #expect(scores.map(\.text) == ["the cat", "", "", "sat"])
        // A score is of the beginning of a line, whose end may follow.
        #expect(try model.score(" The ").tokens.count == 4)
    }
}
