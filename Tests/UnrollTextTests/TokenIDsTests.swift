import Testing
import UnrollText

@Suite struct TokenIDsTests {
    @Test(arguments: [(255, 1), (256, 2), (65_535, 2), (65_536, 4), (70_000, 4)])
    func takesTheFewestBytes(distinct: Int, bytesPerID: Int) throws {
        // The unknown token makes V one more than the number of distinct tokens.
        let words = (0..<distinct).map { "w\($0)" }
        let text = (words + words.reversed()).joined(separator: " ")
        let corpus = try Corpus(text: text, tokens: .words)
        #expect(corpus.vocabulary.count == distinct + 1)
        #expect(corpus.tokens.bytesPerID == bytesPerID)
        #expect(corpus.vocabulary.decode(corpus.tokens) == text)

        let scalars = (0..<UInt32(distinct)).compactMap { Unicode.Scalar($0 + 0x10000) }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        let characters = try Corpus(text: String(view))
        #expect(characters.tokens.bytesPerID == bytesPerID)
        #expect(Array(characters.tokens) == Array(1...Int32(distinct)))
    }

    @Test(arguments: [[3, 0, 255], [256, 7, 1], [65_536, 2, 5], [Int32.max, 0, -1]])
    func keepsIDs(ids: [Int32]) {
        let tokens = TokenIDs(ids)
        #expect(Array(tokens) == ids)
        #expect(Array(tokens.part(1..<3)) == Array(ids[1..<3]))
        #expect(Array(tokens.part(1..<3).part(1..<2)) == [ids[2]])
        #expect(tokens.part(1..<3).occurrences(of: ids[2]) == 1)
        #expect(tokens.part(1..<1).isEmpty)
        #expect(Array(tokens[1...]) == Array(ids[1...]))

        var copied = [Int32](repeating: 9, count: 6)
        copied.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress {
                tokens.part(1..<3).copy(0..<2, strideInto: base + 1, stride: 3)
            }
        }
        #expect(copied == [9, ids[1], 9, 9, ids[2], 9])
    }

    @Test func equalsByContents() {
        #expect(TokenIDs([1, 2, 300]).part(0..<2) == TokenIDs([1, 2]))
        #expect(TokenIDs([1, 2]) != TokenIDs([1, 3]))
        #expect(TokenIDs([Int32]()).isEmpty)
    }
}
