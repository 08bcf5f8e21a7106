import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Completions against all words that there can be.
@Suite struct CompletionTests {
    private func logProbabilities(_ model: LanguageModel, after tokens: [Int32]) throws -> [Double] {
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        for token in tokens { try engine.advance(token, logits: &logits) }
        let total = logits.reduce(0) { $0 + exp(Double($1)) }
        return logits.map { Double($0) - log(total) }
    }

    /// All rests of a word with at most so many letters, by falling probability.
    private func all(
        _ model: LanguageModel, after prompt: String, letters: Set<String>, maximumLength: Int
    ) throws -> [Completion] {
        var completions: [Completion] = []
        func visit(_ rest: [Int32], _ logProbability: Double) throws {
            let text = model.vocabulary.decode(rest)
            if rest.count == maximumLength {
                completions.append(Completion(text: text, probability: exp(logProbability)))
                return
            }
            let next = try logProbabilities(model, after: model.vocabulary.encode(prompt).ids + rest)
            var end = 0.0
            for token in 1..<Int32(next.count) {
                let sum = logProbability + next[Int(token)]
                if letters.contains(model.vocabulary.token(token) ?? "") {
                    try visit(rest + [token], sum)
                } else {
                    end += exp(sum)
                }
            }
            if !rest.isEmpty || letters.contains(prompt.suffix(1).description) {
                completions.append(Completion(text: text, probability: end))
            }
        }
        try visit([], 0)
        return completions.sorted { $0.probability > $1.probability }
    }

    private func expect(
        _ found: [Completion], toBe expected: some Sequence<Completion>, _ comment: Comment = ""
    ) {
        #expect(found.map(\.text) == expected.map(\.text), comment)
        for (found, expected) in zip(found, expected) {
            #expect(abs(found.probability - expected.probability) < 1e-5, comment)
        }
    }

    @Test(arguments: ["ab", "b", "a ", "ca.", "ab-ç"], [1, 4, 30] as [Int])
    func noneOfAllWordsIsMissed(prompt: String, count: Int) throws {
        let model = try BeamSearchTests.model(text: "aabç .-")
        let letters: Set = ["a", "b", "ç"]
        let expected = try all(model, after: prompt, letters: letters, maximumLength: 4)
        let found = try model.complete(prompt, count: count, maximumLength: 4, threads: 1)
        expect(found, toBe: expected.prefix(count), "\(prompt)")
        let state = try model.read(prompt, threads: 1)
        #expect(try model.complete(from: state, count: count, maximumLength: 4, threads: 1) == found)
    }

    @Test func theyAreAllThatCanHappen() throws {
        let model = try BeamSearchTests.model(text: "ab .")
        let unknown = try exp(logProbabilities(model, after: model.vocabulary.encode("ab").ids)[0])
        let found = try model.complete("ab", count: 1000, maximumLength: 1)
        #expect(found.count == 3)
        #expect(abs(found.reduce(unknown) { $0 + $1.probability } - 1) < 1e-5)
    }

    @Test func bytesThatAreNoWholeCharacterAreNotShown() throws {
        let model = try BeamSearchTests.model(text: "aé .", tokens: .bytes)
        let found = try model.complete("a", count: 50, maximumLength: 4)
        #expect(found.contains { $0.text == "é" })
        #expect(found.allSatisfy { $0.text.allSatisfy { "aé".contains($0) } })
        let letters: Set = ["a", "<0xC3>", "<0xA9>"]
        let expected = try all(model, after: "a", letters: letters, maximumLength: 4)
            .filter { !$0.text.contains("\u{FFFD}") }
        expect(found, toBe: expected.prefix(50))
    }

    @Test func wordsBeginWithWhatWasTyped() throws {
        let model = try BeamSearchTests.model(text: "the time traveller tim came", tokens: .words)
        for (text, read, typed) in [
            ("the ti", "the ", "ti"), ("the tim", "the ", "tim"), ("time ", "time ", ""),
            ("came the t", "came the ", "t"),
        ] {
            let next = try logProbabilities(model, after: model.vocabulary.encode(read).ids)
            let words = (1..<Int32(next.count)).compactMap { token -> Completion? in
                guard let word = model.vocabulary.token(token), word.hasPrefix(typed) else { return nil }
                return Completion(
                    text: String(word.dropFirst(typed.count)), probability: exp(next[Int(token)]))
            }
            let total = words.reduce(0) { $0 + $1.probability }
            let expected = words.map { Completion(text: $0.text, probability: $0.probability / total) }
                .sorted { $0.probability > $1.probability }
            expect(try model.complete(text, count: 3), toBe: expected.prefix(3), "\(text)")
        }
        #expect(try model.complete("the x") == [])
        // At the beginning of a text all words are equally probable.
        #expect(try model.complete("ti").map(\.text) == ["m", "me"])
        #expect(try model.complete("ti").allSatisfy { abs($0.probability - 0.5) < 1e-12 })
    }

    @Test func theLimitOfStepsEndsTheSearch() throws {
        let model = try BeamSearchTests.model(text: "abcdefgh ")
        let all = try model.complete("ab", count: 20, maximumLength: 5)
        #expect(all.count == 20)
        for limit in [0, 1, 9, 20] {
            let found = try model.complete("ab", count: 20, maximumLength: 5, stepLimit: limit)
            #expect(limit > 0 || found.map(\.text) == [""])
            #expect(Set(found.map(\.text)).count == found.count)
        }
        #expect(try model.complete("ab", count: 0) == [])
        #expect(try model.complete("ab", count: -1) == [])
    }

    @Test func promptsAndModelsThatCannotBeUsedAreRefused() throws {
        let model = try LanguageModel.untrained(text: "abc")
        #expect(throws: GenerationError.emptyPrompt) { try model.complete("") }
        let damaged = try LanguageModel.untrained(text: "abc") { $0.fill("decoder.bias", with: .nan) }
        #expect(throws: GenerationError.notANumber) { try damaged.complete("a") }
        let state = try LanguageModel.untrained(text: "abcd").read("a")
        #expect(throws: GenerationError.stateOfAnotherModel) { try model.complete(from: state) }
    }
}
