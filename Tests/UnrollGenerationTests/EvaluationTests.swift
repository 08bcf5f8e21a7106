import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

@Suite struct EvaluationTests {
    private func corpus(_ text: String, of model: LanguageModel) throws -> Corpus {
        try Corpus(bytes: Array(text.utf8), name: "text", vocabulary: model.vocabulary)
    }

    /// The probabilities of all tokens, token by token: the first after a line feed or, without one, that of any token.
    private func probabilities(_ corpus: Corpus, under model: LanguageModel) throws -> [Double] {
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        let lineFeed = model.vocabulary.kind == .words ? nil : model.vocabulary.id(of: "\n")
        let inputs = (lineFeed.map { [$0] } ?? []) + corpus.tokens
        let predicted = try zip(inputs, inputs.dropFirst()).map { token, next in
            try engine.advance(token, logits: &logits)
            return exp(Double(logits[Int(next)])) / logits.reduce(0) { $0 + exp(Double($1)) }
        }
        return (lineFeed == nil ? [1 / Double(model.vocabulary.count)] : []) + predicted
    }

    /// The summed nats of all tokens.
    private func nats(_ corpus: Corpus, under model: LanguageModel) throws -> Double {
        try probabilities(corpus, under: model).reduce(0) { $0 - log($1) }
    }

    /// An exercise of the book's: perplexity as the reciprocal of the geometric mean of probabilities.
    @Test func perplexityIsTheReciprocalOfAGeometricMean() throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let corpus = try corpus("travel time travel", of: model)
        let probabilities = try probabilities(corpus, under: model)
        let geometricMean = pow(probabilities.reduce(1, *), 1 / Double(probabilities.count))
        let evaluation = try model.evaluate(on: corpus)
        #expect(abs(evaluation.perplexity * geometricMean - 1) < 1e-5)
        // Their arithmetic mean is greater, unless all are equal.
        let mean = probabilities.reduce(0, +) / Double(probabilities.count)
        #expect(mean > 1.0001 * geometricMean)
    }

    // Lengths around the steps of a minibatch and the tokens of a block.
    @Test(arguments: [1, 2, 3, 31, 32, 33, 255, 256, 257, 258, 600], ["time traveller", "time traveller\n"])
    func sumsAgreeWithTheReferenceEngine(length: Int, known: String) throws {
        let model = try LanguageModel.untrained(text: known)
        let text = String(String(repeating: "travel time ", count: 60).prefix(length))
        let corpus = try corpus(text, of: model)
        for threads in 1...2 {
            let evaluation = try model.evaluate(on: corpus, threads: threads)
            #expect(evaluation.tokens == length)
            #expect(abs(evaluation.nats / (try nats(corpus, under: model)) - 1) < 1e-5)
            #expect(evaluation.perplexity == exp(evaluation.nats / Double(length)))
        }
    }

    @Test func bitsAreSpreadOverCharactersAndBytes() throws {
        let text = "при при аб"
        let characters = try LanguageModel.untrained(text: text)
        var evaluation = try characters.evaluate(on: corpus(text, of: characters))
        let bits = evaluation.nats / log(2)
        #expect(evaluation.bitsPerCharacter == bits / 10)
        #expect(try abs(#require(evaluation.bitsPerByte) - bits / 18) < 1e-12)

        let bytes = try LanguageModel.untrained(text: text, tokens: .bytes)
        evaluation = try bytes.evaluate(on: corpus(text, of: bytes))
        #expect(evaluation.tokens == 18)
        #expect(evaluation.bitsPerCharacter == nil)
        #expect(try abs(#require(evaluation.bitsPerByte) - evaluation.nats / log(2) / 18) < 1e-12)
    }

    @Test func unknownTokensCount() throws {
        let model = try LanguageModel.untrained(text: "abc")
        let corpus = try corpus("axbxc", of: model)
        #expect(corpus.unknownCount == 2)
        #expect(try model.evaluate(on: corpus).tokens == 5)
    }

    // Around the steps of a minibatch and the bytes that are read at once.
    @Test(arguments: [1, 2, 256, 257, 32_768, 32_769, 100_000])
    func aFileIsEvaluatedAsATextInMemory(length: Int) throws {
        let folder = try TemporaryFolder()
        let text = String(String(repeating: "travel täme ", count: length / 12 + 1).prefix(length))
        try folder.write(text, to: "text")
        for kind in TokenKind.allCases {
            let model = try LanguageModel.untrained(text: "time traveller", tokens: kind)
            let corpus = try corpus(text, of: model)
            #expect(try model.evaluate(contentsOf: folder("text")) == model.evaluate(on: corpus))
            guard length < 1_000 else { continue }
            #expect(
                try model.evaluate(contentsOf: folder("text"), adapting: DynamicEvaluation())
                    == model.evaluate(on: corpus, adapting: DynamicEvaluation()))
        }
    }

    @Test func filesThatCannotBeEvaluatedAreNamed() async throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.untrained(text: "abc")
        try folder.write("", to: "empty")
        await expectError(TextError.emptyText(file: "empty")) {
            _ = try model.evaluate(contentsOf: folder("empty"))
        }
        await expectError(TextError.fileNotFound(file: folder("nowhere").relativePath)) {
            _ = try model.evaluate(contentsOf: folder("nowhere"))
        }
    }

    @Test func progressGoesFromZeroToOne() throws {
        let model = try LanguageModel.untrained(text: "abc")
        var fractions: [Double] = []
        _ = try model.evaluate(on: corpus(String(repeating: "abc", count: 300), of: model)) {
            fractions.append($0)
        }
        #expect(fractions.count == 5)
        #expect(fractions == fractions.sorted())
        #expect(fractions.last == 1)
    }

    @Test func threadsThatMakeNoSenseAreRefused() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        await expectGenerationError { _ = try model.evaluate(on: corpus("abc", of: model), threads: 0) }
    }

    @Test func idsBeyondTheVocabularyAreRefused() async throws {
        let small = try LanguageModel.untrained(text: "abc")
        let large = try LanguageModel.untrained(text: "abcdefgh")
        // The network never sees a text's only token.
        for text in ["abcdefgh", "h"] {
            await expectGenerationError { _ = try small.evaluate(on: corpus(text, of: large)) }
        }
    }

    @Test func cancellationIsNoticed() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        let corpus = try corpus(String(repeating: "abc", count: 1_000), of: model)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try model.evaluate(on: corpus)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    // MARK: Shards

    /// What a text's shards come to, summed up by another engine: all but the first after 256 tokens of the past.
    @Test(arguments: [1, 2, 3, 7])
    func shardsAreReadAfterTheirPast(shards: Int) throws {
        let model = try LanguageModel.untrained(text: "time traveller\n")
        let corpus = try corpus(String(repeating: "travel time, eel\n", count: 300), of: model)
        let evaluation = try model.evaluate(on: corpus, shards: shards, threads: 2)
        let count = corpus.tokens.count
        #expect(evaluation.tokens == count)
        let parts = min(shards, count / 1024)
        let expected = try (0..<parts).reduce(0.0) { sum, part in
            let range = count * part / parts..<count * (part + 1) / parts
            let engine = try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters)
            var logits: [Float] = []
            let lineFeed = try #require(model.vocabulary.id(of: "\n"))
            let past =
                part == 0 ? [lineFeed] : Array(corpus.tokens.part(range.lowerBound - 257..<range.lowerBound))
            for token in past { try engine.advance(token, logits: &logits) }
            var nats = 0.0
            for token in corpus.tokens.part(range) {
                let total = logits.reduce(0.0) { $0 + exp(Double($1)) }
                nats += log(total) - Double(logits[Int(token)])
                try engine.advance(token, logits: &logits)
            }
            return sum + nats
        }
        #expect(abs(evaluation.nats / expected - 1) < 1e-5)
        let whole = try model.evaluate(on: corpus)
        if shards == 1 { #expect(evaluation == whole) }
        #expect(evaluation.bitsPerByte != nil || whole.bitsPerByte == nil)
    }

    @Test func processesFindTheSameBits() throws {
        let model = try LanguageModel.untrained(text: "time traveller\n")
        let corpus = try corpus(String(repeating: "travel time, eel\n", count: 300), of: model)
        let alone = try model.evaluate(on: corpus, shards: 4)
        for size in 1...4 {
            let found = LocalProcessGroup.run(size) { group in
                try model.evaluate(on: corpus, shards: 4, in: group, threads: 1)
            }
            for result in found { #expect(try result.get() == alone) }
        }
        for result in LocalProcessGroup.run(3, { try model.evaluate(on: corpus, shards: 2, in: $0) }) {
            #expect(throws: ParameterError.self) { try result.get() }
        }
    }
}
