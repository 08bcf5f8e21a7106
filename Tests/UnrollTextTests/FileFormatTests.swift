import Foundation
import Testing
import UnrollText

/// Files that are not UTF-8 text, by their first bytes.
@Suite struct FileFormatTests {
    private static let english = "The lamp was still burning there.\n"

    private static func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let bytes = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
            return bigEndian ? bytes.reversed() : bytes
        }
    }

    private static func utf32(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.unicodeScalars.flatMap { scalar in
            let bytes = (0..<4).map { UInt8(scalar.value >> (8 * $0) & 0xFF) }
            return bigEndian ? bytes.reversed() : bytes
        }
    }

    private static func encoded(_ text: String) -> [(FileFormat, [UInt8])] {
        [
            (.utf16LittleEndian, utf16(text, bigEndian: false)),
            (.utf16BigEndian, utf16(text, bigEndian: true)),
            (.utf32LittleEndian, utf32(text, bigEndian: false)),
            (.utf32BigEndian, utf32(text, bigEndian: true)),
        ]
    }

    private static let texts = [
        english, "Время шло, и путешественник сидел у лампы.\n", "Ἡ λυχνία ἔτι ἐκαίετο ἐκεῖ.\n", "ab",
        "\u{FEFF}漢字", "\u{FEFF}" + english,
    ]

    private static let others: [(FileFormat, [UInt8])] = [
        (.gzip, [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD, 4, 0x58]),
        (.bzip2, Array("BZh91AY&SY".utf8) + [0xE5, 0x2A]), (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 4]),
        (.zip, [0x50, 0x4B, 3, 4, 10, 0, 0, 0, 0xFF]),
        (.pdf, Array("%PDF-1.7\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3]),
        (.png, [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]), (.jpeg, [0xFF, 0xD8, 0xFF, 0xE0]),
    ]

    static let cases = texts.flatMap(encoded) + others

    private func firstTokens(_ url: URL, _ vocabulary: Vocabulary) throws -> [Int32]? {
        var reader = try TokenReader(contentsOf: url, vocabulary: vocabulary)
        return try reader.next()
    }

    @Test(arguments: cases)
    func isNamedWhereverATextIsRead(format: FileFormat, bytes: [UInt8]) throws {
        let vocabulary = try Corpus(text: "abc").vocabulary
        try TestTexts.withFile(bytes) { url in
            let error = TextError.otherFormat(file: url.relativePath, format)
            for kind in [TokenKind.characters, .words] {
                #expect(throws: error) { try Corpus(contentsOf: url, tokens: kind) }
                #expect(throws: TextError.otherFormat(file: "t", format)) {
                    try Corpus(bytes: bytes, name: "t", preprocessing: .letters, tokens: kind)
                }
            }
            #expect(throws: error) { try Corpus(contentsOf: [url], vocabulary: vocabulary) }
            #expect(throws: error) { try firstTokens(url, vocabulary) }
            #expect(throws: error) {
                _ = try ByteReader(contentsOf: url).beginning(1_000, tokens: .characters)
            }
            try #expect(Corpus(contentsOf: url, tokens: .bytes).tokens.count == bytes.count)
        }
    }

    @Test(arguments: [
        "one\0two\0three\0four\0", "a\0", "\0\0\0\0\0\0\0\0", "abc\0\0cd\0\0",
        "%PDF-1.4 is how such files begin",
        "BZh is an abbreviation", "PK\u{3}\u{4}", "\u{1}\u{2}\u{3}\u{4}", "\0a", "",
        "Привет\0мир\0", "\u{FEFF}text",
    ])
    func textsAreTexts(text: String) throws {
        let long = text + String(repeating: "The lamp.\n", count: 1_000)
        #expect(try Corpus(text: long, tokens: .words).tokens.count >= 1_000)
        if !text.isEmpty { #expect(try Corpus(text: text).tokens.count > 0) }
    }
}

/// Lines of any bytes.
@Suite struct InvalidLineTests {
    private func tokenize(_ line: [UInt8], _ tokenizer: inout Tokenizer) -> TokenizedText {
        line.withUnsafeBufferPointer { tokenizer.tokenize(line: $0) }
    }

    @Test func invalidBytesAreUnknown() throws {
        var tokenizer = Tokenizer(try Corpus(text: "ab\u{FFFD}\n").vocabulary)
        let line = tokenize([0x61, 0xFF, 0x62, 0xE2, 0x82, 0xEF, 0xBF, 0xBD, 0x61], &tokenizer)
        #expect(line.bytes == [0x61, 0xFF, 0x62, 0xE2, 0x82, 0xEF, 0xBF, 0xBD, 0x61, 0x0A])
        #expect(line.starts == [0, 1, 2, 3, 5, 8, 9])
        let known = try Corpus(text: "ab\u{FFFD}\n").vocabulary.encode("ab\u{FFFD}\n").ids
        #expect(line.ids == [known[0], 0, known[1], 0, known[2], known[0], known[3]])
    }

    @Test func aWordWithInvalidBytesIsUnknown() throws {
        var tokenizer = Tokenizer(
            try Corpus(text: "one two", preprocessing: .lowercase, tokens: .words).vocabulary)
        let line = tokenize(
            Array("ONE t".utf8) + [0xC3] + Array("wo\u{3000}".utf8) + [0xE3, 0x80] + Array(" two".utf8),
            &tokenizer)
        #expect(line.ids.map { $0 == 0 } == [false, true, true, false])
        #expect(line.starts == [0, 4, 9, 12])
    }

    @Test func lettersAloneDropThem() throws {
        var tokenizer = Tokenizer(try Corpus(text: "ab c", preprocessing: .letters).vocabulary)
        #expect(tokenize([0x41, 0xFF, 0xFE, 0x42], &tokenizer).bytes == Array("a b ".utf8))
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func onlyTheseDiffer(kind: TokenKind, preprocessing: Preprocessing) throws {
        let text = TestTexts.random(seed: 11, fragments: 3_000)
        var tokenizer = Tokenizer(
            try Corpus(text: text, preprocessing: preprocessing, tokens: kind).vocabulary)
        var faulty = Array(text.utf8)
        for index in stride(from: 5, to: faulty.count, by: 97) { faulty[index] = 0xFF }
        for line in faulty.split(separator: 0x0A) {
            let found = tokenize(Array(line), &tokenizer)
            // U+FFFD is not in the vocabulary, so what stands for it is unknown in any case.
            let repaired = tokenize(Array(String(decoding: line, as: UTF8.self).utf8), &tokenizer)
            if !kind.isBytewise {
                #expect(found.ids == repaired.ids)
                #expect(
                    String(decoding: found.bytes, as: UTF8.self)
                        == String(decoding: repaired.bytes, as: UTF8.self))
            }
            #expect(found.starts.count == found.ids.count)
            #expect(found.starts == found.starts.sorted() && (found.starts.last ?? 0) <= found.bytes.count)
        }
    }
}
