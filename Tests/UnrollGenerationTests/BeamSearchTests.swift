import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Beam search against a search through everything, and against beams without any haste, in double precision.
@Suite struct BeamSearchTests {
    /// What a hypothesis should be.
    struct Expected {
        var text: String
        var logProbability: Double
        var score: Double
    }

    /// A model whose predictions are far from uniform.
    static func model(text: String, tokens: TokenKind = .characters, seed: UInt64 = 3) throws -> LanguageModel
    {
        try LanguageModel.untrained(text: text, tokens: tokens, seed: seed) { parameters in
            for name in ["decoder.weight", "rnn.weight_hh_l0", "rnn.weight_ih_l0"] {
                parameters.set(name, to: (parameters[name]?.values ?? []).map { $0 * 5 })
            }
        }
    }

    /// All continuations by one token of some, read from the prompt on.
    private struct Reader {
        let model: LanguageModel
        let prompt: String
        let options: BeamSearchOptions

        func logProbabilities(after tokens: [Int32]) throws -> [Double] {
            let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
            var logits: [Float] = []
            for token in model.vocabulary.encode(prompt).ids + tokens {
                try engine.advance(token, logits: &logits)
            }
            let total = logits.reduce(0) { $0 + exp(Double($1)) }
            return logits.map { Double($0) - log(total) }
        }

        func text(_ tokens: [Int32]) -> String {
            let space = model.vocabulary.kind == .words && prompt.last != " "
            return (space && !tokens.isEmpty ? " " : "") + model.vocabulary.decode(tokens)
        }

        /// What goes on and what has ended, of the continuations of one.
        func extend(
            _ tokens: [Int32], _ logProbability: Double
        ) throws -> (going: [([Int32], Double)], ended: [Expected]) {
            var (going, ended): ([([Int32], Double)], [Expected]) = ([], [])
            for (token, next) in try logProbabilities(after: tokens).enumerated().dropFirst() {
                let id = Int32(token)
                if options.bannedTokens.contains(model.vocabulary.token(id) ?? "") { continue }
                let (all, sum) = (tokens + [id], logProbability + next)
                let text = text(all)
                let stops = options.stopStrings.compactMap { text.range(of: $0)?.lowerBound }
                if stops.isEmpty, all.count < options.length {
                    going.append((all, sum))
                } else {
                    ended.append(
                        Expected(
                            text: String(text[..<(stops.min() ?? text.endIndex)]), logProbability: sum,
                            score: sum / pow(Double(all.count), options.lengthPenalty)))
                }
            }
            return (going, ended)
        }

        func all(_ tokens: [Int32] = [], _ logProbability: Double = 0) throws -> [Expected] {
            let (going, ended) = try extend(tokens, logProbability)
            return try ended + going.flatMap { try all($0, $1) }
        }

        func beams() throws -> [Expected] {
            var beams: [([Int32], Double)] = [([], 0)]
            var results: [Expected] = []
            while !beams.isEmpty {
                let steps = try beams.map { try extend($0, $1) }
                results += steps.flatMap(\.ended)
                beams = Array(steps.flatMap(\.going).sorted { $0.1 > $1.1 }.prefix(options.width))
            }
            return Array(results.sorted { $0.score > $1.score }.prefix(options.width))
        }
    }

    private func expect(_ found: [Hypothesis], toBe expected: [Expected], _ comment: Comment) {
        #expect(found.map(\.text) == expected.map(\.text), comment)
        for (found, expected) in zip(found, expected) {
            #expect(abs(found.logProbability - expected.logProbability) < 1e-4, comment)
            #expect(abs(found.score - expected.score) < 1e-4, comment)
        }
    }

    @Test(arguments: [0, 0.6, 1, 2] as [Double], [[], ["b"], ["ac", "da"]] as [[String]])
    func withAllBeamsItIsASearchThroughEverything(lengthPenalty: Double, stops: [String]) throws {
        for (kind, text, prompt) in [
            (TokenKind.characters, "abcd", "ad"), (.words, "a b c da", "a c"), (.words, "a b c da", "a c "),
        ] {
            let model = try Self.model(text: text, tokens: kind)
            let options = BeamSearchOptions(
                width: 256, length: 4, lengthPenalty: lengthPenalty, stopStrings: stops)
            let expected = try Reader(model: model, prompt: prompt, options: options).all()
                .sorted { $0.score > $1.score }
            let found = try model.beamSearch(after: prompt, options: options, threads: 1)
            #expect(expected.count > (stops.isEmpty ? 255 : 20))
            expect(found, toBe: expected, "\(kind), \(prompt)")
        }
    }

    @Test(arguments: [1, 2, 3, 5], [0, 1] as [Double])
    func narrowBeamsAreThoseWithoutHaste(width: Int, lengthPenalty: Double) throws {
        let model = try Self.model(text: "abcdef")
        for stops in [[], ["e"], ["ab", "ff"]] {
            let options = BeamSearchOptions(
                width: width, length: 7, lengthPenalty: lengthPenalty, stopStrings: stops,
                bannedTokens: ["d"])
            expect(
                try model.beamSearch(after: "fa", options: options, threads: 1),
                toBe: try Reader(model: model, prompt: "fa", options: options).beams(), "\(stops)")
        }
    }

    @Test func oneBeamIsGreedy() async throws {
        let model = try Self.model(text: "time traveller")
        let options = BeamSearchOptions(width: 1, length: 60)
        let found = try model.beamSearch(after: "time", options: options, threads: 1)
        #expect(try await found.map(\.text) == [model.text(after: "time", length: 60)])
        #expect(found.first?.tokens.count == 60)
    }

    @Test func lengthsAndThreadsDecideNothingElse() throws {
        let model = try Self.model(text: "time traveller")
        let none = try model.beamSearch(after: "t", options: .init(length: 0))
        #expect(none.count == 1 && none[0].text == "" && none[0].score == 0)
        let found = try (1...3).map {
            try model.beamSearch(after: "t", options: .init(width: 3, length: 30), threads: $0)
        }
        #expect(found[0] == found[1] && found[1] == found[2])
    }

    @Test func optionsThatMakeNoSenseAreRefused() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        for (options, name) in [
            (BeamSearchOptions(width: 0), "width"), (.init(width: -1), "width"),
            (.init(width: .max), "width"), (.init(length: -1), "length"),
            (.init(lengthPenalty: -1), "lengthPenalty"), (.init(lengthPenalty: .nan), "lengthPenalty"),
            (.init(bannedTokens: ["z"]), "to ban"), (.init(bannedTokens: ["a", "b", "c"]), "banned"),
        ] {
            expectError(naming: name) { _ = try model.beamSearch(after: "a", options: options) }
        }
        #expect(throws: GenerationError.emptyPrompt) { try model.beamSearch(after: "") }
        let damaged = try LanguageModel.untrained(text: "abc") { $0.fill("decoder.bias", with: .nan) }
        #expect(throws: GenerationError.notANumber) { try damaged.beamSearch(after: "a") }
    }
}
