import Foundation
import Testing
import UnrollBase
import UnrollText

@Suite struct CorpusTests {
    @Test(arguments: 0..<40 as Range<UInt64>, Preprocessing.allCases)
    func equalsTheReference(seed: UInt64, preprocessing: Preprocessing) throws {
        let text = "x" + TestTexts.random(seed: seed, fragments: seed % 4 == 0 ? 9_000 : 30)
        try compare(text, preprocessing)
        try compare("\u{FEFF}" + text, preprocessing)
    }

    private func compare(_ text: String, _ preprocessing: Preprocessing) throws {
        for kind in ReferenceText.kinds {
            let reference = ReferenceText(text, preprocessing, kind)
            let corpus = try Corpus(text: text, preprocessing: preprocessing, tokens: kind)
            let vocabulary = corpus.vocabulary
            #expect((1..<Int32(vocabulary.count)).map(vocabulary.bytes(of:)) == reference.vocabulary())
            #expect(corpus.tokens.map(vocabulary.bytes(of:)) == reference.tokens)
            #expect(corpus.unknownCount == 0)

            let fixed = try Corpus(bytes: text.utf8, name: "again", vocabulary: vocabulary)
            #expect(fixed.tokens == corpus.tokens)
            #expect(fixed.byteCount == corpus.byteCount)
            #expect(fixed.characterCount == corpus.characterCount)
            #expect(vocabulary.encode(text).ids == Array(corpus.tokens))

            let characters = ReferenceText(text, preprocessing, kind == .bytes ? .bytes : .characters).tokens
            #expect(corpus.byteCount == characters.joined().count)
            #expect(corpus.characterCount == (kind == .bytes ? nil : characters.count))
        }
    }

    @Test(arguments: TokenKind.allCases)
    func readsFilesLikeStrings(kind: TokenKind) throws {
        let text = TestTexts.random(seed: 99, fragments: 20_000)
        let corpus = try Corpus(text: text, preprocessing: .lowercase, tokens: kind)
        try TestTexts.withFile(Array(text.utf8)) { url in
            let read = try Corpus(contentsOf: url, preprocessing: .lowercase, tokens: kind)
            #expect(read.tokens == corpus.tokens)
            #expect(read.vocabulary == corpus.vocabulary)
            #expect(read.fingerprint == corpus.fingerprint)
            #expect(read.name == url.lastPathComponent)
            #expect(try Corpus(contentsOf: url, vocabulary: corpus.vocabulary).tokens == corpus.tokens)
        }
    }

    @Test func readsPipes() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("unroll-\(UUID().uuidString)")
        #expect(mkfifo(url.path, 0o600) == 0)
        defer { try? FileManager.default.removeItem(at: url) }
        let text = String(repeating: "pipes are read once ", count: 10_000)
        let writer = Thread { try? Data(text.utf8).write(to: url, options: []) }
        writer.start()
        let corpus = try Corpus(contentsOf: url)
        #expect(corpus.vocabulary.decode(corpus.tokens) == text)
    }

    @Test func readsByteCollectionsThatAreNotContiguous() throws {
        let corpus = try Corpus(bytes: "abc".utf8.reversed(), name: "standard input")
        #expect(corpus.vocabulary.decode(corpus.tokens) == "cba")
        #expect(corpus.name == "standard input")
    }

    @Test func makesTheVocabularyBeforeTheLimit() throws {
        let text = "ab\u{E9}cab\u{E9}dabe"
        for kind in [TokenKind.characters, .bytes] {
            let whole = try Corpus(text: text, tokens: kind)
            let limited = try Corpus(text: text, tokens: kind, limit: 3)
            #expect(limited.vocabulary == whole.vocabulary)
            #expect(Array(limited.tokens) == Array(whole.tokens.prefix(3)))
            #expect(limited.byteCount == (kind == .bytes ? 3 : 4))
            #expect(limited.characterCount == (kind == .bytes ? nil : 3))
        }
        let words = try Corpus(text: " ä  bb c ", tokens: .words, limit: 2)
        #expect(words.vocabulary.count == 4)
        #expect(words.vocabulary.decode(words.tokens) == "ä bb")
        #expect(words.byteCount == 7)
        #expect(words.characterCount == 6)
        #expect(try Corpus(text: text, limit: 1_000).tokens.count == 11)
    }

    @Test func countsWhatAFixedVocabularyLacks() throws {
        let vocabulary = try Corpus(text: "abc").vocabulary
        let corpus = try Corpus(bytes: Array("a\u{E9}b€b".utf8), name: "other", vocabulary: vocabulary)
        #expect(Array(corpus.tokens) == [1, 0, 2, 0, 2])
        #expect(corpus.unknownCount == 2)
        #expect(corpus.byteCount == 8)
        #expect(corpus.characterCount == 5)
    }

    @Test func splitsTheTextInTwo() throws {
        let corpus = try Corpus(text: "abcdefghij", name: "letters")
        let split = try corpus.split(validationFraction: 0.3)
        let (training, validation) = (split.training, try #require(split.validation))
        #expect(split.test == nil)
        #expect(corpus.vocabulary.decode(training.tokens) == "abcdefg")
        #expect(corpus.vocabulary.decode(validation.tokens) == "hij")
        #expect(validation.tokens[0] == corpus.tokens[7])
        #expect(validation.characterCount == 3)
        #expect(validation.byteCount == nil)
        #expect(training.name == "letters")
    }

    @Test func splitsTheTextInThree() throws {
        let corpus = try Corpus(text: "abcdefghij")
        func parts(_ validation: Double?, _ test: Double?) throws -> [String?] {
            let split = try corpus.split(validationFraction: validation, testFraction: test)
            return [split.training, split.validation, split.test].map { part in
                part.map { corpus.vocabulary.decode($0.tokens) }
            }
        }
        #expect(try parts(0.3, 0.2) == ["abcde", "fgh", "ij"])
        #expect(try parts(nil, 0.2) == ["abcdefgh", nil, "ij"])
        #expect(try parts(0.2, nil) == ["abcdefgh", "ij", nil])
        #expect(try parts(nil, nil) == ["abcdefghij", nil, nil])
    }

    @Test func unknownTokensOfPartsAreCounted() throws {
        let corpus = try Corpus(text: "aabbxyab", minimumFrequency: 2)
        let split = try corpus.split(validationFraction: 0.25, testFraction: 0.25)
        #expect(corpus.unknownCount == 2)
        #expect(split.training.unknownCount == 0)
        #expect(split.validation?.unknownCount == 2)
        #expect(split.test?.unknownCount == 0)
        #expect(try Corpus(text: "aabb").split(testFraction: 0.5).test?.unknownCount == 0)
    }

    @Test func fingerprintsTellTextsApart() throws {
        let texts = ["abcabd", "abcabe", "abcabda", "bacbad", "ABCABD"]
        #expect(Set(try texts.map { try Corpus(text: $0).fingerprint }).count == texts.count)
        #expect(try Corpus(text: "abcabd", name: "other").fingerprint == Corpus(text: texts[0]).fingerprint)
    }

    @Test(
        arguments: [
            ([0x41, 0x80], 1), ([0xC3], 0), ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0), ([0xE0, 0x9F, 0xBF], 0),
            ([0x41, 0xED, 0xA0, 0x80], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 0), ([0xF4, 0x90, 0x80, 0x80], 0),
            ([0xF5, 0x80, 0x80, 0x80], 0), ([0xFF], 0), ([0x41, 0x41, 0xE2, 0x82], 2),
            ([0xF0, 0x9F, 0x98], 0),
            ([0xC3, 0xA9, 0xC3, 0x41], 2), ([0xE2, 0x28, 0xA1], 0), ([0xEF, 0xBB, 0xBF, 0xFE], 3),
        ] as [([UInt8], Int)])
    func rejectsWhatIsNotUTF8(bytes: [UInt8], offset: Int) throws {
        // After some text too, so that the fault is near the end of the first piece or in a later one.
        for before in [0, 31, 32_764, 32_765, 32_766, 32_767, 32_768, 100_000] {
            let text = [UInt8](repeating: 0x20, count: before) + bytes
            for preprocessing in Preprocessing.allCases {
                for kind in [TokenKind.characters, .words] {
                    #expect(throws: TextError.invalidUTF8(file: "t", offset: before + offset)) {
                        try Corpus(bytes: text, name: "t", preprocessing: preprocessing, tokens: kind)
                    }
                }
                #expect(throws: Never.self) {
                    try Corpus(bytes: text + [0x41], name: "t", preprocessing: preprocessing, tokens: .bytes)
                }
            }
        }
    }

    @Test func reportsFilesThatCannotBeRead() throws {
        let missing = URL(fileURLWithPath: "/nowhere/book.txt")
        #expect(throws: TextError.fileNotFound(file: "/nowhere/book.txt")) { try Corpus(contentsOf: missing) }
        let web = try #require(URL(string: "https://example.org/book.txt"))
        #expect(throws: TextError.unreadable(file: web.absoluteString, reason: "not a file URL")) {
            try Corpus(contentsOf: web)
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("a/b\0c")
        #expect(throws: TextError.self) { try Corpus(contentsOf: file) }
    }

    @Test func reportsTextsWithoutTokens() throws {
        #expect(throws: TextError.emptyText(file: "text")) { try Corpus(text: "") }
        #expect(throws: TextError.emptyText(file: "text")) { try Corpus(text: "\u{FEFF}") }
        #expect(throws: TextError.emptyText(file: "text")) { try Corpus(text: " \n\u{A0}", tokens: .words) }
        #expect(throws: TextError.emptyText(file: "text")) {
            try Corpus(text: " \n ", preprocessing: .lowercase)
        }
        let vocabulary = try Corpus(text: "a", tokens: .words).vocabulary
        #expect(throws: TextError.emptyText(file: "x")) {
            try Corpus(bytes: [], name: "x", vocabulary: vocabulary)
        }
        try TestTexts.withFile([]) { url in
            #expect(throws: TextError.emptyText(file: url.relativePath)) { try Corpus(contentsOf: url) }
        }
    }

    @Test func reportsNumbersThatMakeNoSense() throws {
        #expect(throws: outOfRange("limit", "0", "at least 1")) { try Corpus(text: "abc", limit: 0) }
        let corpus = try Corpus(text: "abcd")
        for fraction in [0, 1, -0.1, .infinity] {
            #expect(throws: outOfRange("validationFraction", "\(fraction)", "greater than 0 and less than 1"))
            {
                try corpus.split(validationFraction: fraction)
            }
            #expect(throws: outOfRange("testFraction", "\(fraction)", "greater than 0 and less than 1")) {
                try corpus.split(validationFraction: 0.5, testFraction: fraction)
            }
        }
        #expect(throws: ParameterError.self) { try corpus.split(validationFraction: .nan) }
        for (validation, test) in [(0.1, nil), (nil, 0.1), (0.5, 0.5), (0.9, 0.9), (0.5, 0.1)] {
            let error = TextError.textTooShortToSplit(
                tokens: 4, validationFraction: validation, testFraction: test)
            #expect(throws: error) { try corpus.split(validationFraction: validation, testFraction: test) }
        }
    }
}
