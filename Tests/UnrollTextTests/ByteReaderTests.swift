import Foundation
import Testing
import UnrollText

/// Texts that are read once, as they come.
@Suite struct ByteReaderTests {
    /// A pipe that is written to in parts.
    private func withPipe(_ parts: [[UInt8]], _ body: (URL) throws -> Void) throws {
        let pipe = Pipe()
        let writer = Thread {
            for part in parts { try? pipe.fileHandleForWriting.write(contentsOf: part) }
            try? pipe.fileHandleForWriting.close()
        }
        writer.start()
        try body(URL(fileURLWithPath: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"))
    }

    private func ids(_ reader: TokenReader) throws -> (ids: [Int32], reader: TokenReader) {
        var reader = reader
        var ids: [Int32] = []
        while let next = try reader.next() { ids += next }
        return (ids, reader)
    }

    private func lines(_ url: URL, tokens kind: TokenKind = .characters) throws -> [[UInt8]] {
        var reader = LineReader(try ByteReader(contentsOf: url), tokens: kind)
        var lines: [[UInt8]] = []
        while let block = try reader.next() { block.forEach { lines.append(Array($0)) } }
        return lines
    }

    // MARK: Tokens

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func tokensAreThoseOfACorpus(kind: TokenKind, preprocessing: Preprocessing) throws {
        let text = TestTexts.random(seed: 5, fragments: 20_000)
        let known = String(decoding: Array(text.utf8).prefix(text.utf8.count / 2), as: UTF8.self)
        let vocabulary = try Corpus(text: known, preprocessing: preprocessing, tokens: kind).vocabulary
        let bytes = Array(text.utf8)
        let corpus = try Corpus(bytes: bytes, name: "text", vocabulary: vocabulary)
        func check(_ url: URL) throws {
            let (ids, reader) = try ids(TokenReader(contentsOf: url, vocabulary: vocabulary))
            #expect(ids.elementsEqual(corpus.tokens))
            #expect(reader.tokenCount == corpus.tokens.count)
            #expect(reader.unknownCount == corpus.unknownCount)
            #expect(reader.byteCount == corpus.byteCount)
        }
        try TestTexts.withFile(bytes, check)
        let parts = stride(from: 0, to: bytes.count, by: 40_001).map {
            Array(bytes[$0..<min($0 + 40_001, bytes.count)])
        }
        try withPipe(parts, check)
    }

    @Test func aFolderIsOneText() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in [("b", "def\n"), ("a", "abc"), ("c", "ghi")] {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        let vocabulary = try Corpus(text: "abcdefghi\n").vocabulary
        let (ids, _) = try ids(TokenReader(contentsOf: folder, vocabulary: vocabulary))
        #expect(vocabulary.decode(ids) == "abc\ndef\nghi")
    }

    @Test func whatIsNoTextIsNamed() throws {
        let vocabulary = try Corpus(text: "abc").vocabulary
        for count in [0, 32_767, 32_768, 100_000] {
            let bytes = [UInt8](repeating: 0x61, count: count) + [0xC3, 0x28]
            try withPipe([bytes]) { url in
                #expect(throws: TextError.invalidUTF8(file: url.relativePath, offset: count)) {
                    _ = try ids(TokenReader(contentsOf: url, vocabulary: vocabulary))
                }
            }
        }
        let nowhere = URL(fileURLWithPath: "/nowhere/at/all")
        #expect(throws: TextError.fileNotFound(file: nowhere.relativePath)) {
            _ = try ByteReader(contentsOf: nowhere)
        }
        #expect(throws: TextError.isDirectory(file: "/tmp")) {
            _ = try ByteReader(contentsOf: URL(fileURLWithPath: "/tmp"))
        }
    }

    // MARK: Lines

    @Test func linesAreWhatStandsBetweenLineFeeds() throws {
        for (text, expected) in [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("\n", [""]), ("a\n\nb", ["a", "", "b"]),
            ("\u{FEFF}ä\r\n\n", ["ä\r", ""]),
        ] {
            try TestTexts.withFile(Array(text.utf8)) { url in
                try #expect(lines(url) == expected.map { Array($0.utf8) }, "\(text)")
            }
        }
    }

    @Test func linesOfEveryLengthComeWhole() throws {
        let text = TestTexts.random(seed: 9, fragments: 60_000)
        let expected = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        let bytes = Array(text.utf8)
        func check(_ url: URL) throws {
            try #expect(
                lines(url) == (text.utf8.last == 0x0A ? expected.dropLast() : expected[...]).map(\.self))
        }
        try TestTexts.withFile(bytes, check)
        for size in [10_007, 65_536] {
            try withPipe(
                stride(from: 0, to: bytes.count, by: size).map {
                    Array(bytes[$0..<min($0 + size, bytes.count)])
                }, check)
        }
    }

    @Test func linesComeBeforeThePipeEnds() throws {
        let pipe = Pipe()
        let url = URL(fileURLWithPath: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
        var reader = LineReader(try ByteReader(contentsOf: url), tokens: .characters)
        try pipe.fileHandleForWriting.write(contentsOf: Data("one\ntwo\nthr".utf8))
        #expect(try reader.next()?.lines == [0..<3, 4..<7])
        try pipe.fileHandleForWriting.write(contentsOf: Data("ee\n".utf8))
        #expect(try reader.next()?.lines == [0..<5])
        try pipe.fileHandleForWriting.close()
        #expect(try reader.next()?.lines == nil)
    }

    @Test(arguments: TokenKind.allCases)
    func linesOfAnyBytesComeAsTheyAre(kind: TokenKind) throws {
        let bytes = Array("ab\ncd\n".utf8) + [0x65, 0xFF, 0x0A, 0x66, 0x0A, 0xC3]
        try TestTexts.withFile(bytes) { url in
            try #expect(
                lines(url, tokens: kind) == [[0x61, 0x62], [0x63, 0x64], [0x65, 0xFF], [0x66], [0xC3]])
        }
        // The mark of UTF-8 is no part of a text, though of the bytes of a file.
        try TestTexts.withFile(Array("\u{FEFF}a\n\u{FEFF}b\n".utf8)) { url in
            try #expect(lines(url, tokens: kind).map(\.count) == [kind.isBytewise ? 4 : 1, 4])
        }
    }

    @Test func theBeginningOfATextEndsBetweenCharacters() throws {
        try TestTexts.withFile(Array("abäc".utf8)) { url in
            func beginning(_ count: Int, _ kind: TokenKind = .characters) throws -> (String, Bool) {
                let (bytes, isWhole) = try ByteReader(contentsOf: url).beginning(count, tokens: kind)
                return (String(decoding: bytes, as: UTF8.self), isWhole)
            }
            try #expect(beginning(10) == ("abäc", true))
            try #expect(beginning(5) == ("abäc", true))
            try #expect(beginning(4) == ("abä", false))
            try #expect(beginning(3) == ("ab", false))
            try #expect(beginning(3, .bytes) == ("ab\u{FFFD}", false))
        }
    }
}
