import Foundation
import Testing
import UnrollBase
import UnrollText

/// Texts and vocabularies of subwords.
@Suite struct SubwordTests {
    private static let odd = (0..<2_000).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }

    @Test func vocabulariesAndIDsAreThoseOfHuggingFace() throws {
        let vectors = try BytePairVectors()
        for (text, expected) in [
            (String(decoding: SampleText.utf8, as: UTF8.self), vectors.ofStory),
            (vectors.texts.joined(separator: "\n"), vectors.ofTexts),
        ] {
            let corpus = try Corpus(text: text, tokens: .subwords, vocabularySize: expected.size)
            let vocabulary = corpus.vocabulary
            #expect(vocabulary.merges.map { [$0.left, $0.right] } == expected.merges)
            #expect(vectors.texts.map { vocabulary.encode($0).ids } == expected.ids)
            let story = try Corpus(
                bytes: SampleText.utf8.prefix(5_000), name: "story", vocabulary: vocabulary)
            #expect(Array(story.tokens) == expected.story)
            #expect(vocabulary.decode(corpus.tokens) == text)
        }
    }

    @Test(arguments: Preprocessing.allCases) func nothingIsUnknownOrLost(preprocessing: Preprocessing) throws
    {
        let vocabulary = try Corpus(
            text: "the cat, the hat: thé", preprocessing: preprocessing, tokens: .subwords
        ).vocabulary
        for text in [Self.odd, Array("\u{FEFF}the 😀 漢".utf8) + [0xE2, 0x80], [0xFF], Array(SampleText.utf8)] {
            let corpus = try Corpus(bytes: text, name: "text", vocabulary: vocabulary)
            let bytes = try Corpus(
                bytes: text, name: "text", preprocessing: preprocessing, tokens: .bytes)
            #expect(corpus.unknownCount == 0)
            #expect(corpus.tokens.flatMap(vocabulary.bytes) == bytes.tokens.flatMap(bytes.vocabulary.bytes))
            #expect(corpus.byteCount == bytes.byteCount && corpus.characterCount == nil)
        }
    }

    @Test func thereAreAsManyAsAreAskedForOrSuitTheText() throws {
        let story = SampleText.utf8
        func count(_ size: Int?) throws -> Int {
            try Corpus(bytes: story, name: "story", tokens: .subwords, vocabularySize: size).vocabulary.count
        }
        #expect(try count(258) == 258 && count(1_000) == 1_000 && count(nil) == 512)
        // The most that occur twice.
        #expect(try count(1 << 20) < 10_000)
        #expect(
            [0, 1 << 20, 4_000_000, 100_000_000, 1 << 40].map(Vocabulary.subwordSize) == [
                512, 1_024, 2_048, 8_192, 16_384,
            ])
        for size in [-1, 0, 257, 1 << 20 + 1] {
            #expect(throws: ParameterError.self) { try count(size) }
        }
        #expect(throws: ParameterError.needs(parameter: "vocabularySize", other: "tokens", values: ["bpe"])) {
            try Corpus(text: "abc", tokens: .characters, vocabularySize: 300)
        }
    }

    @Test func theBeginningOfATextHasItsFirstTokens() throws {
        let whole = try Corpus(bytes: SampleText.utf8, name: "story", tokens: .subwords)
        for limit in [1, 2, 3, 1_000, 1_001, 1_002, whole.tokens.count, whole.tokens.count + 1] {
            let part = try Corpus(bytes: SampleText.utf8, name: "story", tokens: .subwords, limit: limit)
            #expect(part.tokens.elementsEqual(whole.tokens.prefix(limit)))
            #expect(part.byteCount == part.tokens.reduce(0) { $0 + whole.vocabulary.bytes(of: $1).count })
        }
    }

    @Test func tokensHaveNames() throws {
        let text = String(repeating: "漢字 漢文 — “the” <unk> ", count: 3)
        let vocabulary = try Corpus(text: text, tokens: .subwords, vocabularySize: 300).vocabulary
        let names = (0..<Int32(vocabulary.count)).compactMap(vocabulary.token)
        #expect(
            names.contains { $0.hasPrefix("<0x") && $0.count > 6 } && names.contains { $0.hasSuffix("漢") })
        for (id, name) in names.enumerated() { #expect(vocabulary.id(of: name) == Int32(id)) }
        #expect(vocabulary.id(of: "<0xE6>") != nil && vocabulary.id(of: "<0xE6><0xE6>") == nil)
        #expect(!vocabulary.encode("<unk>").ids.contains(Vocabulary.unknownID))
    }

    @Test func savedNamesMustBeThoseOfTheMerges() throws {
        let vocabulary = try Corpus(text: "the the", tokens: .subwords).vocabulary
        let json = String(decoding: try vocabulary.jsonData(), as: UTF8.self)
        #expect(json.contains(#""the""#) && json.contains(#""version":2"#))
        let changed = json.replacing(#""the""#, with: #""tha""#)
        #expect(throws: TextError.self) { try Vocabulary(jsonData: Data(changed.utf8)) }
    }

    @Test func longRunsOfManyPiecesAreReadAsOne() throws {
        let text = Array(repeating: UInt8(ascii: "a"), count: 300_000) + Array(" b".utf8)
        let corpus = try Corpus(bytes: text, name: "run", tokens: .subwords, vocabularySize: 262)
        try TestTexts.withFile(text) { url in
            #expect(try Corpus(contentsOf: url, vocabulary: corpus.vocabulary).tokens == corpus.tokens)
            var reader = try TokenReader(contentsOf: url, vocabulary: corpus.vocabulary)
            var ids: [Int32] = []
            while let next = try reader.next() { ids += next }
            #expect(ids.elementsEqual(corpus.tokens) && reader.byteCount == text.count)
        }
        #expect(corpus.tokens.flatMap(corpus.vocabulary.bytes) == text)
    }
}
