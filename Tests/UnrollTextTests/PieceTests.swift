import Foundation
import Testing
import UnrollBase
import UnrollText

/// Texts that are read in pieces, at whose ends nothing is trimmed.
@Suite struct PieceTests {
    /// Pieces of a text that are cut at random, some of them empty.
    private func pieces(of text: String, seed: UInt64) -> [String] {
        var random = RandomSource(seed: seed, purpose: .generation)
        var rest = Array(text.unicodeScalars)[...]
        var pieces: [String] = []
        while !rest.isEmpty {
            let scalars = rest.prefix(random.integer(below: random.integer(below: 4) == 0 ? 40 : 5))
            pieces.append(String(String.UnicodeScalarView(scalars)))
            rest = rest.dropFirst(scalars.count)
        }
        return pieces
    }

    /// The ids of a text that is read piece by piece; what goes on takes the place of its beginning.
    private func ids(_ pieces: [String], _ vocabulary: Vocabulary) -> (ids: [Int32], joint: TextJoint?) {
        var joint: TextJoint?
        var ids: [Int32] = []
        for piece in pieces {
            ids.removeLast(vocabulary.tokens(ofOpenEnd: joint).count)
            ids += vocabulary.encode(piece: piece, after: &joint).ids
        }
        return (ids, joint)
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func aTextInPiecesHasTheTokensOfTheWhole(kind: TokenKind, preprocessing: Preprocessing) throws {
        for seed in 0..<20 as Range<UInt64> {
            let text = TestTexts.random(seed: seed, fragments: 60)
            let vocabulary = try Corpus(
                text: text + " x", preprocessing: preprocessing, tokens: kind
            ).vocabulary
            let whole = ids([text], vocabulary)
            for cut in 0..<4 as Range<UInt64> {
                let parts = ids(pieces(of: text, seed: 4 * seed + cut), vocabulary)
                #expect(parts.ids == whole.ids && parts.joint == whole.joint)
            }
            // With something at both ends, there is nothing to trim in a whole text either.
            let framed = "x\(text)x"
            #expect(ids([framed], vocabulary).ids == vocabulary.encode(framed).ids)
        }
    }

    @Test(arguments: ReferenceText.kinds) func nothingIsTrimmedAtTheEndsOfAPrompt(kind: TokenKind) throws {
        let vocabulary = try Corpus(text: "the cat", preprocessing: .lowercase, tokens: kind).vocabulary
        let words = kind == .words
        for (prompt, count) in [("The ", 4), (" the", 4), (" \n The \t\n", 5), (" ", 1), ("", 0)] {
            #expect(vocabulary.encode(prompt: prompt).ids.count == (words ? min(count / 3, 1) : count))
        }
        // A whole text keeps its rules.
        #expect(vocabulary.encode(" \n The \t\n").ids.count == (words ? 1 : 3))
    }

    @Test func aByteOrderMarkCountsAtTheVeryBeginningAlone() throws {
        let mark = "\u{FEFF}"
        let vocabulary = try Corpus(text: "a\(mark)b").vocabulary
        #expect(vocabulary.count == 4)
        #expect(ids([mark + "a"], vocabulary).ids.count == 1)
        #expect(ids(["a", mark + "b"], vocabulary).ids == ids(["a\(mark)b"], vocabulary).ids)
        #expect(ids(["a", mark + "b"], vocabulary).ids.count == 3)
    }

    @Test(arguments: [TokenKind.characters, .bytes], Preprocessing.allCases)
    func linesHaveTheTokensOfTheirText(kind: TokenKind, preprocessing: Preprocessing) throws {
        for seed in 0..<20 as Range<UInt64> {
            let lines = TestTexts.random(seed: seed, fragments: 80).unicodeScalars.split(
                separator: "\n", omittingEmptySubsequences: false
            ).map { String($0) }
            let text = lines.map { $0 + "\n" }.joined()
            let vocabulary = try Corpus(text: "x\n\(text)x", preprocessing: preprocessing, tokens: kind)
                .vocabulary
            var tokenizer = Tokenizer(vocabulary)
            var joint: TextJoint?
            _ = vocabulary.encode(piece: "x\n", after: &joint)
            let found = lines.flatMap { line in
                Array(line.utf8).withUnsafeBufferPointer { tokenizer.tokenize(line: $0).ids }
            }
            #expect(found == vocabulary.encode(piece: text, after: &joint).ids)
        }
    }

    @Test func theBeginningOfALongTextEndsWithAWholeWord() throws {
        for (text, count, expected) in [
            ("one two three", 9, "one two "), ("one two three", 13, "one two three"),
            ("one\u{2003}two", 7, "one\u{2003}"), ("three", 2, "th"), ("täglich", 2, "t"),
        ] {
            let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
            try Data(text.utf8).write(to: url)
            defer { try? FileManager.default.removeItem(at: url) }
            let (bytes, isWhole) = try ByteReader(contentsOf: url).beginning(count, tokens: .words)
            #expect(String(decoding: bytes, as: UTF8.self) == expected)
            #expect(isWhole == (text == expected))
        }
    }
}
