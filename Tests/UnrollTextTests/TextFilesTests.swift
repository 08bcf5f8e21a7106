import Foundation
import Testing
import UnrollTestSupport
import UnrollText

/// Several files and folders as one text.
@Suite struct TextFilesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
    }

    private func text(of urls: [URL], tokens kind: TokenKind = .characters) throws -> String {
        let corpus = try Corpus(contentsOf: urls, tokens: kind)
        return corpus.vocabulary.decode(corpus.tokens)
    }

    @Test func filesComeInTheOrderOfTheirBytes() throws {
        try makeFolder("texts/b/deep")
        // Made in another order than the one that is expected; upper case comes before lower, é after z.
        for name in ["z", "é", "b/x", "a", "B", "b.txt", "b/deep/y", "10", "9", "b-c"] {
            try folder.write("<\(name)>\n", to: "texts/\(name)")
        }
        let expected = ["10", "9", "B", "a", "b-c", "b.txt", "b/deep/y", "b/x", "z", "é"]
        #expect(try text(of: [folder("texts")]) == expected.map { "<\($0)>\n" }.joined())
        // Files that are named keep the order of the names, and a folder stands where it is named.
        #expect(
            try text(of: [folder("texts/z"), folder("texts/b"), folder("texts/a")])
                == "<z>\n<b/deep/y>\n<b/x>\n<a>\n")
        #expect(try Corpus(contentsOf: folder("texts")).name == "texts")
        #expect(try Corpus(contentsOf: [folder("texts/z"), folder("texts/a")]).name == "z and 1 more")
        let vocabulary = try Corpus(contentsOf: folder("texts")).vocabulary
        #expect(try Corpus(contentsOf: folder("texts"), vocabulary: vocabulary).unknownCount == 0)
    }

    @Test func hiddenFilesAndLoopsOfLinksDoNotCount() throws {
        try makeFolder("texts/.git")
        try makeFolder("texts/inner")
        try folder.write("hidden", to: "texts/.git/config")
        try folder.write("hidden", to: "texts/.hidden")
        try folder.write("seen\n", to: "texts/inner/file")
        try folder.write("linked\n", to: "outside.txt")
        let files = FileManager.default
        try files.createSymbolicLink(at: folder("texts/link.txt"), withDestinationURL: folder("outside.txt"))
        try files.createSymbolicLink(at: folder("texts/inner/loop"), withDestinationURL: folder("texts"))
        try files.createSymbolicLink(at: folder("texts/self"), withDestinationURL: folder("texts/self"))
        try files.createSymbolicLink(at: folder("texts/dangling"), withDestinationURL: folder("nowhere"))
        #expect(mkfifo(folder("texts/pipe").path, 0o600) == 0)
        #expect(try text(of: [folder("texts")]) == "seen\nlinked\n")
        // A link that is named is followed, to a folder too.
        try files.createSymbolicLink(at: folder("alias"), withDestinationURL: folder("texts/inner"))
        #expect(try text(of: [folder("alias")]) == "seen\n")
    }

    @Test func theFolderOfTheModelIsNoText() throws {
        try makeFolder("texts/model")
        try folder.write("text\n", to: "texts/a.txt")
        try folder.write("not a text", to: "texts/model/config.json")
        let cache = folder("texts/model/tokens.cache")
        let corpus = try Corpus(.init(.files([folder("texts")]), cache: cache, smallestCachedText: 1))
        #expect(corpus.vocabulary.decode(corpus.tokens) == "text\n")
    }

    @Test func whatIsNoTextIsNamed() throws {
        try makeFolder("empty/inner")
        try folder.write("hidden", to: "empty/.hidden")
        let empty = folder("empty")
        #expect(throws: TextError.emptyFolder(folder: empty.relativePath)) { try Corpus(contentsOf: empty) }
        #expect("\(TextError.emptyFolder(folder: "a"))".hasPrefix("a: no files in this folder"))
        try makeFolder("mixed")
        try folder.write("text", to: "mixed/a.txt")
        try Data([0x41, 0x42, 0xFF, 0xD8]).write(to: folder("mixed/b.jpg"))
        #expect(throws: TextError.invalidUTF8(file: folder("mixed/b.jpg").path, offset: 2)) {
            try Corpus(contentsOf: folder("mixed"))
        }
        #expect(try Corpus(contentsOf: folder("mixed"), tokens: .bytes).tokens.count == 8)
        #expect(throws: TextError.fileNotFound(file: folder("nowhere").path)) {
            try Corpus(contentsOf: [folder("mixed"), folder("nowhere")])
        }
        #expect(throws: TextError.emptyText(file: "an empty list of files")) { try Corpus(contentsOf: []) }
        try makeFolder("blank")
        try folder.write("", to: "blank/a")
        try folder.write("", to: "blank/b")
        #expect(throws: TextError.emptyText(file: "blank")) { try Corpus(contentsOf: folder("blank")) }
    }

    @Test(arguments: Preprocessing.allCases, TokenKind.allCases)
    func wordsAndLinesOfTwoFilesStayApart(preprocessing: Preprocessing, kind: TokenKind) throws {
        let parts = ["the first", "", "second\n", "\u{FEFF}third ä", "\u{FEFF}fourth"]
        for (index, part) in parts.enumerated() { try folder.write(part, to: "\(index)") }
        let urls = parts.indices.map { folder("\($0)") }
        let corpus = try Corpus(contentsOf: urls, preprocessing: preprocessing, tokens: kind)
        let joined = kind == .bytes ? parts.joined() : "the first\nsecond\nthird ä\nfourth"
        let expected = try Corpus(text: joined, preprocessing: preprocessing, tokens: kind)
        #expect(corpus.tokens == expected.tokens)
        #expect(corpus.vocabulary == expected.vocabulary)
        #expect(corpus.byteCount == expected.byteCount)
        #expect(corpus.characterCount == expected.characterCount)
    }

    @Test func aTextInManyFilesIsTheWholeText() throws {
        // More files than a process may have open, and more text than is read at once.
        let lines = (0..<1_500).map { "line \($0) " + String(repeating: "ä", count: $0 % 90) + "\n" }
        try makeFolder("lines")
        for (index, line) in lines.enumerated() {
            try folder.write(line, to: "lines/" + String(format: "%05d", index))
        }
        #expect(try text(of: [folder("lines")]) == lines.joined())
    }
}
