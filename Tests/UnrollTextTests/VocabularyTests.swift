import Foundation
import Testing
import UnrollText

@Suite struct VocabularyTests {
    private func tokens(_ vocabulary: Vocabulary) -> [String?] {
        (0..<Int32(vocabulary.count)).map(vocabulary.token)
    }

    @Test func ordersByFrequencyThenUnicode() throws {
        let characters = try Corpus(text: "b\u{E9}aa😀bz").vocabulary
        #expect(tokens(characters) == ["<unk>", "a", "b", "z", "\u{E9}", "😀"])
        let words = try Corpus(text: "the cat the Dog bird cat the", tokens: .words).vocabulary
        #expect(tokens(words) == ["<unk>", "the", "cat", "Dog", "bird"])
        let bytes = try Corpus(text: "é!!", tokens: .bytes).vocabulary
        #expect(tokens(bytes) == ["<unk>", "!", "<0xA9>", "<0xC3>"])
    }

    @Test func mapsRareTokensToUnknown() throws {
        let corpus = try Corpus(text: "aaabbc", minimumFrequency: 2)
        #expect(tokens(corpus.vocabulary) == ["<unk>", "a", "b"])
        #expect(Array(corpus.tokens) == [1, 1, 1, 2, 2, 0])
        #expect(corpus.unknownCount == 1)
        #expect(try Corpus(text: "aaabbc", minimumFrequency: -5).vocabulary.count == 4)
    }

    @Test func findsTokensAndIDs() throws {
        let vocabulary = try Corpus(text: "aab").vocabulary
        #expect(vocabulary.id(of: "a") == 1)
        #expect(vocabulary.id(of: "<unk>") == Vocabulary.unknownID)
        #expect(vocabulary.id(of: "ab") == nil)
        #expect(vocabulary.token(3) == nil)
        #expect(vocabulary.token(-1) == nil)
        #expect(vocabulary.bytes(of: 99).isEmpty)
        let bytes = try Corpus(bytes: [0x41, 0xE2], name: "b", tokens: .bytes).vocabulary
        #expect(bytes.id(of: "<0xE2>") == 2)
        #expect(bytes.bytes(of: 2) == [0xE2])
        #expect(bytes.token(2) == "<0xE2>")
    }

    @Test func keepsEquivalentSpellingsApart() throws {
        let words = try Corpus(text: "caf\u{E9} cafe\u{301}", tokens: .words)
        #expect(words.vocabulary.count == 3)
        #expect(Set(words.tokens).count == 2)
        #expect(try Corpus(text: "\u{212B}\u{C5}").vocabulary.count == 3)
        let other = try Corpus(text: "caf\u{E9} caf\u{E9}", tokens: .words).vocabulary
        #expect(other.id(of: "cafe\u{301}") == nil)
    }

    @Test func takesTheWordUnkForTheUnknownToken() throws {
        let corpus = try Corpus(text: "a <unk> b <unk>", tokens: .words)
        #expect(Array(corpus.tokens) == [1, 0, 2, 0])
        #expect(corpus.vocabulary.encode("<unk> c").unknownTokens == ["c"])
    }

    @Test func encodesPromptsAsTheTextWas() throws {
        let vocabulary = try Corpus(text: "The time traveller", preprocessing: .letters).vocabulary
        let encoded = vocabulary.encode("TIME,  quite")
        #expect(vocabulary.decode(encoded.ids) == "time <unk><unk>ite")
        #expect(encoded.unknownTokens == ["q", "u"])
        let words = try Corpus(text: "one two", tokens: .words).vocabulary
        #expect(words.encode("two\nzwei  one drei zwei").ids == [2, 0, 1, 0, 0])
        #expect(words.encode("two\nzwei  one drei zwei").unknownTokens == ["zwei", "drei"])
        let bytes = try Corpus(text: "a", tokens: .bytes).vocabulary
        #expect(bytes.encode("aé").unknownTokens == ["<0xC3>", "<0xA9>"])
        #expect(bytes.encode("") == words.encode(" "))
    }

    @Test func decodes() throws {
        let words = try Corpus(text: "one  two\nthree", tokens: .words)
        #expect(words.vocabulary.decode(words.tokens) == "one two three")
        let bytes = try Corpus(text: "naïve 😀", tokens: .bytes)
        #expect(bytes.vocabulary.decode(bytes.tokens) == "naïve 😀")
        #expect(bytes.vocabulary.decode([0, 99, -1]) == "<unk>")
    }

    @Test(arguments: TokenKind.allCases)
    func survivesJSON(kind: TokenKind) throws {
        let text = TestTexts.random(seed: 5, fragments: 2_000)
        let vocabulary = try Corpus(text: text, preprocessing: .lowercase, tokens: kind).vocabulary
        #expect(try Vocabulary(jsonData: vocabulary.jsonData()) == vocabulary)
    }

    @Test func survivesJSONWithEveryByteAndOddScalars() throws {
        let bytes = try Corpus(bytes: Array(0...255), name: "all", tokens: .bytes).vocabulary
        #expect(try Vocabulary(jsonData: bytes.jsonData()) == bytes)
        let text = "\0\"\\/\u{7F}\u{301}\u{FEFF}\u{2028}\u{FFFE}\u{10FFFF}\u{212B}\u{C5}"
        let odd = try Corpus(text: "x" + text).vocabulary
        #expect(try Vocabulary(jsonData: odd.jsonData()) == odd)
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"format":"other","version":1}"#,
        #"{"format":"unroll-vocabulary","version":1}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"lines","preprocessing":"none","tokens":["<unk>"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"words","preprocessing":"none","tokens":[]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"words","preprocessing":"none","tokens":["a"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"words","preprocessing":"none","tokens":["<unk>",""]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"words","preprocessing":"none","tokens":["<unk>","a b"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"words","preprocessing":"none","tokens":["<unk>","a","a"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"words","preprocessing":"none","tokens":["<unk>","<unk>"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"characters","preprocessing":"none","tokens":["<unk>","ab"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"bytes","preprocessing":"none","tokens":["<unk>","é"]}"#,
        #"{"format":"unroll-vocabulary","version":1,"kind":"bytes","preprocessing":"none","tokens":["<unk>","<0x41>"]}"#,
        #"{"format":"unroll-vocabulary","version":2,"kind":"bpe","preprocessing":"none","tokens":["<unk>"]}"#,
        #"{"format":"unroll-vocabulary","version":2,"kind":"bpe","preprocessing":"none","tokens":["<unk>"],"merges":[[1]]}"#,
        #"{"format":"unroll-vocabulary","version":2,"kind":"bpe","preprocessing":"none","tokens":["<unk>"],"merges":[[1,257]]}"#,
        #"{"format":"unroll-vocabulary","version":2,"kind":"bpe","preprocessing":"none","tokens":["<unk>"],"merges":[[1,-2]]}"#,
    ])
    func rejectsDamagedJSON(json: String) {
        do throws(TextError) {
            _ = try Vocabulary(jsonData: Data(json.utf8))
            Issue.record("a damaged vocabulary was read")
        } catch {
            guard case .invalidVocabulary = error else {
                Issue.record("\(error)")
                return
            }
            #expect("\(error)".hasPrefix("vocabulary.json: "))
        }
    }

    @Test func rejectsFutureVersions() {
        let json = #"{"format":"unroll-vocabulary","version":3,"kind":"glyphs"}"#
        #expect(throws: TextError.unsupportedVocabularyVersion(found: 3, supported: 2)) {
            try Vocabulary(jsonData: Data(json.utf8))
        }
    }
}
