import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct ScoreTests {
    private let model: LanguageModel

    init() throws {
        model = try .untrained(text: "time traveller\n,.-", hiddenSize: 19)
    }

    /// The surprisal of each token, and the entropy before it, after a line feed or the token that is given.
    private func expected(
        _ ids: [Int32], after given: Int32, of model: LanguageModel
    ) throws -> [(surprisal: Double, entropy: Double)] {
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        return try zip([given] + ids, ids).map { token, next in
            try engine.advance(token, logits: &logits)
            let sum = logits.reduce(0) { $0 + exp(Double($1)) }
            let probabilities = logits.map { exp(Double($0)) / sum }
            return (-log(probabilities[Int(next)]), probabilities.reduce(0) { $0 - $1 * log($1) })
        }
    }

    private func expectClose(
        _ score: TextScore, _ expected: [(surprisal: Double, entropy: Double)],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(score.tokens.count == expected.count, sourceLocation: sourceLocation)
        for (token, expected) in zip(score.tokens, expected) {
            #expect(abs(Double(token.surprisal) - expected.surprisal) < 1e-5, sourceLocation: sourceLocation)
            #expect(abs(Double(token.entropy) - expected.entropy) < 1e-5, sourceLocation: sourceLocation)
        }
        let nats = expected.reduce(0) { $0 + $1.surprisal }
        #expect(abs(score.nats - nats) <= 1e-5 * max(nats, 1), sourceLocation: sourceLocation)
    }

    // MARK: Numbers

    @Test func aTextIsScoredAfterALineFeed() throws {
        let text = "time, traveller"
        let lineFeed = try #require(model.vocabulary.id(of: "\n"))
        let ids = model.vocabulary.encode(text).ids
        let score = try model.score(text)
        expectClose(score, try expected(ids, after: lineFeed, of: model))
        #expect(score.tokens.map(\.id) == ids)
        #expect(score.text == text)
        #expect(score.tokens.indices.map { score.text(of: $0..<$0 + 1) } == text.map(String.init))
        #expect(try abs(#require(score.bitsPerByte) - score.nats / log(2) / 15) < 1e-12)
        #expect(score.bitsPerCharacter == score.nats / log(2) / 15)
        #expect(score.unknownCount == 0)
    }

    @Test func theEndOfALineIsAToken() throws {
        let lineFeed = try #require(model.vocabulary.id(of: "\n"))
        let lines = ["time", "", "traveller, time.", "t"]
        for (line, score) in zip(lines, try model.scoreLines(lines)) {
            let ids = model.vocabulary.encode(line).ids + [lineFeed]
            expectClose(score, try expected(ids, after: lineFeed, of: model))
            #expect(score.text == line)
            #expect(score.text(of: 0..<score.tokens.count) == line + "\n")
            #expect(try abs(#require(score.bitsPerByte) - score.nats / log(2) / Double(ids.count)) < 1e-12)
        }
    }

    @Test(arguments: [TokenKind.characters, .bytes, .words])
    func withoutASeparatorAllTokensAreEquallyProbableAtFirst(kind: TokenKind) throws {
        let text = kind == .words ? "time and time again" : "timetravel"
        let model = try LanguageModel.untrained(text: text, tokens: kind)
        let ids = model.vocabulary.encode(text).ids
        let uniform = log(Double(model.vocabulary.count))
        let score = try model.scoreLines([text])[0]
        expectClose(
            score,
            [(uniform, uniform)] + (try expected(Array(ids.dropFirst()), after: ids[0], of: model)))
        #expect(score.text == text)
        #expect(score.bitsPerByte == (kind == .words ? nil : score.nats / log(2) / 10))
        #expect((score.bitsPerCharacter == nil) == (kind != .characters))
        let one = try model.score(String(text.prefix(1)))
        #expect(one.tokens.count == 1 && abs(one.nats - uniform) < 1e-6 && one.span == nil)
        let none = try model.score("")
        #expect(none.tokens.isEmpty && none.nats == 0 && none.bitsPerByte == nil)
        #expect(none.span == nil && none.bitsPerCharacter == nil)
    }

    @Test func whatPreprocessingMakesOfALineFeedSeparates() throws {
        let vocabulary = try Corpus(text: "time and time again", preprocessing: .letters).vocabulary
        let configuration = ModelConfiguration(hiddenSize: 5)
        let model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(for: configuration, vocabularySize: vocabulary.count, seed: 3))
        let space = try #require(vocabulary.id(of: " "))
        let score = try model.scoreLines(["--Time, again!"])[0]
        expectClose(score, try expected(vocabulary.encode("time again ").ids, after: space, of: model))
        #expect(score.text == "time again")
        #expect(score.bitsPerByte == nil)
    }

    @Test func unknownTokensKeepTheirText() throws {
        let score = try model.score("tüm漢")
        #expect(score.tokens.map(\.isUnknown) == [false, true, false, true])
        #expect(score.unknownCount == 2)
        #expect(score.text(of: 1..<2) == "ü" && score.text(of: 3..<4) == "漢")
        let lineFeed = try #require(model.vocabulary.id(of: "\n"))
        expectClose(score, try expected(model.vocabulary.encode("tüm漢").ids, after: lineFeed, of: model))
    }

    @Test func noScoreDependsOnItsNeighbors() throws {
        // More lines than are scored at once, of lengths around the steps of a minibatch.
        let lines =
            (0..<150).map { String(repeating: "time traveller, ", count: 8).prefix($0 * 7 % 101) }
            .map(String.init) + [String(repeating: "traveller ", count: 700)]
        let together = try model.scoreLines(lines, threads: 2)
        for (line, score) in zip(lines, together) {
            #expect(try model.scoreLines([line], threads: 1)[0] == score)
        }
        #expect(try model.scoreLines(lines.reversed()) == together.reversed())
    }

    @Test func aVocabularyOfManyPanelsIsScoredAlike() throws {
        let text = String(String.UnicodeScalarView((0x4E00..<0x4E00 + 400).compactMap(Unicode.Scalar.init)))
        let model = try LanguageModel.untrained(text: text + "\n")
        let line = String(text.shuffled().prefix(50))
        let lineFeed = try #require(model.vocabulary.id(of: "\n"))
        expectClose(
            try model.score(line),
            try expected(model.vocabulary.encode(line).ids, after: lineFeed, of: model))
    }

    // MARK: Another implementation

    private struct Expectation: Decodable {
        struct Line: Decodable {
            let tokens: [Int]
            let losses: [Double]
            let entropies: [Double]
        }

        let lines: [Line]
    }

    @Test(arguments: ["lstm-tied", "gru-one-hot", "tanh-embedding"])
    func linesAreScoredAsByPyTorch(name: String) throws {
        let model = try InterchangeModel(name).model(knowing: "\nabcdefg")
        let expectation = try JSONDecoder().decode(
            Expectation.self, from: InterchangeModel.resource("\(name)-scores", "json"))
        // What the vocabulary lacks stands for token 0.
        let letters = Array("?\nabcdefg").map(String.init)
        let lines = expectation.lines.map { $0.tokens.map { letters[$0] }.joined() }
        let scores = try model.scoreLines(lines)
        for (score, expected) in zip(scores, expectation.lines) {
            #expect(score.tokens.map { Int($0.id) } == expected.tokens + [1])
            #expect(score.tokens.count == expected.losses.count)
            for (token, (loss, entropy)) in zip(score.tokens, zip(expected.losses, expected.entropies)) {
                #expect(abs(Double(token.surprisal) - loss) < 1e-5)
                #expect(abs(Double(token.entropy) - entropy) < 1e-5)
            }
        }
    }

    // MARK: Spans

    /// All spans, tried out.
    private func bestExcess(_ tokens: [TokenScore]) -> Double {
        var best = 0.0
        for start in tokens.indices {
            var sum = 0.0
            for token in tokens[start...] {
                sum += Double(token.surprisal) - Double(token.entropy)
                best = max(best, sum)
            }
        }
        return best
    }

    @Test func noSpanExceedsTheOneThatIsFound() throws {
        let model = try LanguageModel.constant(logits: [-9, 4, 2, 1, -1, -4])
        let lines = (0..<60).map { index in
            String((0..<index).map { "aaaabacbaade".randomElement(seed: index * 31 + $0) })
        }
        for score in try model.scoreLines(lines) {
            #expect(abs((score.span?.excess ?? 0) - bestExcess(score.tokens)) < 1e-6)
            guard let span = score.span else { continue }
            let sum = score.tokens[span.tokens].reduce(0) { $0 + Double($1.surprisal) - Double($1.entropy) }
            #expect(abs(sum - span.excess) < 1e-9)
        }
    }

    @Test func theSpanIsWhatWasNotExpected() throws {
        let model = try LanguageModel.constant(logits: [-9, 6, 0, 0, 0])
        let score = try model.score("aaaabcbaaaa")
        #expect(score.span?.tokens == 4..<7)
        #expect(score.marked() == "aaaa⟦bcb⟧aaaa")
        #expect(score.marked("<", ">") == "aaaa<bcb>aaaa")
        let usual = try model.score("aaaa")
        #expect(usual.span == nil && usual.marked() == "aaaa")
        #expect(try model.score("aab").marked() == "aa⟦b⟧")
    }

    @Test func aLineThatBreaksOffIsMarkedAtItsEnd() throws {
        let model = try LanguageModel.untrained(text: "ab\n") { parameters in
            parameters.fill("decoder.weight", with: 0)
            parameters.set("decoder.bias", to: [-9, -9, 6, 0])
        }
        #expect(model.vocabulary.id(of: "\n") == 1)
        let score = try model.scoreLines(["aaa"])[0]
        #expect(score.marked() == "aaa⟦↵⟧")
        #expect(score.text == "aaa")
    }

    // MARK: Failures

    @Test func damagedParametersAreSaid() async throws {
        let model = try LanguageModel.untrained(text: "ab\n") { $0.fill("decoder.bias", with: .nan) }
        await expectGenerationError(.notANumber) { _ = try model.score("ab") }
        await expectGenerationError { _ = try self.model.score("time", threads: 0) }
    }

    @Test func cancellationIsNoticed() async throws {
        let model = model
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try model.score("time")
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

extension String {
    fileprivate func randomElement(seed: Int) -> Character {
        Array(self)[(seed &* 2_654_435_761 >> 7) % count]
    }
}
