import Foundation
import Testing
import UnrollText

/// Files of format version 1, as they were written when it was introduced, stay readable.
@Suite struct FixtureTests {
    /// The text that the files were made of, once or many times over.
    private let text = """
        The naïve café: 'Où est l’été?' asked Zoë. \tThe <unk> answer is "42" — the answer!
        你好, the 😀 world / the end.

        """

    private func fixture(_ name: String) throws -> URL {
        try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"))
    }

    @Test(arguments: TokenKind.allCases)
    func vocabulariesStayReadable(kind: TokenKind) throws {
        let data = try Data(contentsOf: fixture("vocabulary-\(kind).json"))
        let vocabulary = try Vocabulary(jsonData: data)
        #expect(try vocabulary == Corpus(text: text, tokens: kind).vocabulary)
        #expect(try vocabulary.jsonData() == data)
    }

    @Test func tokenCachesStayReadable() throws {
        // The cache stands for a file that is not there.
        let corpus = try Corpus(
            contentsOf: [URL(fileURLWithPath: "/texts/large.txt")], preprocessing: .lowercase,
            tokens: .words, limit: 50, cache: fixture("tokens.cache"))
        let expected = try Corpus(
            text: text + text + text, preprocessing: .lowercase, tokens: .words, limit: 50)
        #expect(corpus.tokens == expected.tokens)
        #expect(corpus.vocabulary == expected.vocabulary)
        #expect(corpus.byteCount == expected.byteCount)
        #expect(corpus.characterCount == expected.characterCount)
        #expect(corpus.unknownCount == expected.unknownCount)
        #expect(corpus.fingerprint == expected.fingerprint)
        #expect(corpus.name == "large.txt")
    }
}
