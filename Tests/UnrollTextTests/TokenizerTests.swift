import Testing
import UnrollText

@Suite struct TokenizerTests {
    private func tokenize(
        _ text: String, _ kind: TokenKind, _ preprocessing: Preprocessing = .none, knowing known: String,
        isLine: Bool = false
    ) throws -> TokenizedText {
        var tokenizer = Tokenizer(
            try Corpus(text: known, preprocessing: preprocessing, tokens: kind).vocabulary)
        let bytes = Array(text.utf8)
        // The second text must not depend on the first.
        return bytes.withUnsafeBufferPointer { bytes in
            _ = isLine ? tokenizer.tokenize(line: bytes) : tokenizer.tokenize(bytes)
            return isLine ? tokenizer.tokenize(line: bytes) : tokenizer.tokenize(bytes)
        }
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func idsAreThoseOfTheVocabulary(kind: TokenKind, preprocessing: Preprocessing) throws {
        for seed in 0..<5 as Range<UInt64> {
            let text = TestTexts.random(seed: seed, fragments: 500)
            let vocabulary = try Corpus(
                text: String(text.prefix(text.count / 2)), preprocessing: preprocessing, tokens: kind
            ).vocabulary
            var tokenizer = Tokenizer(vocabulary)
            let found = Array(text.utf8).withUnsafeBufferPointer { tokenizer.tokenize($0) }
            #expect(found.ids == vocabulary.encode(text).ids)
            // Each token stands where it is said to.
            for (id, start) in zip(found.ids, found.starts) where id != Vocabulary.unknownID {
                #expect(found.bytes[start...].starts(with: vocabulary.bytes(of: id)))
            }
        }
    }

    @Test func tokensKnowTheirPlaces() throws {
        #expect(try tokenize("aäz", .characters, knowing: "aä").starts == [0, 1, 3])
        #expect(try tokenize("aä", .bytes, knowing: "aä").starts == [0, 1, 2])
        let words = try tokenize(" one  two", .words, knowing: "two")
        #expect(words.starts == [1, 6])
        #expect(words.ids == [0, 1])
        #expect(words.bytes == Array(" one  two".utf8))
    }

    @Test func aLineEndsWithWhatSeparatesLines() throws {
        func line(
            _ text: String, _ kind: TokenKind, _ preprocessing: Preprocessing = .none, knowing known: String
        ) throws -> String {
            String(
                decoding: try tokenize(text, kind, preprocessing, knowing: known, isLine: true).bytes,
                as: UTF8.self)
        }
        #expect(try line(" ab ", .characters, knowing: "ab \n") == " ab \n")
        #expect(try line("ab", .bytes, knowing: "ab\n") == "ab\n")
        #expect(try line("", .characters, knowing: "a\n") == "\n")
        // Where line feeds have become spaces, and several of them one.
        #expect(try line("?A, b!", .characters, .letters, knowing: "ab c") == "a b ")
        #expect(try line(" A  b ", .characters, .lowercase, knowing: "ab c") == "a b ")
        #expect(try line(" ?", .characters, .letters, knowing: "ab c") == "")
        #expect(try line("", .characters, .lowercase, knowing: "ab c") == "")
        // Where the model knows no such token, or words have none between them.
        #expect(try line("ab", .characters, knowing: "ab") == "ab")
        #expect(try line("ab", .words, knowing: "ab\nab") == "ab")
    }
}
