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

    /// Files as Unroll writes them, each with its kind.
    private static let outputs: [(name: String, contents: [UInt8], output: UnrollOutput)] = [
        ("tokens.cache", Array("ids{}        header  UNTOKN01".utf8), .tokenCache),
        ("state", [2, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":1}".utf8), .tensors),
        ("letter.unr", [0xF5, 0x55, 0x4E, 0x52, 1, 0], .compressedText),
        ("report.html", Array("<!DOCTYPE html>\n<!-- unroll report -->\n<html>".utf8), .page),
        ("map.html", Array("<!DOCTYPE html>\n<!-- unroll heat map -->\n<html>".utf8), .page),
        ("events.out.tfevents.1700000000.unroll.0", [0, 1, 2], .events),
        ("mine-result.json", Array("{\n  \"recipe\" : \"mine\"\n}".utf8), .recipeResult),
        ("mine.svg", Array("<svg/>".utf8), .recipeResult),
    ]

    @Test func whatUnrollHasWrittenIsLeftOut() throws {
        try makeFolder("texts/inner")
        try folder.write("text\n", to: "texts/a.txt")
        for (name, contents, _) in Self.outputs {
            try Data(contents).write(to: folder("texts/inner/\(name)"))
        }
        let corpus = try Corpus(contentsOf: folder("texts"), tokens: .bytes)
        #expect(corpus.vocabulary.decode(corpus.tokens) == "text\n")
        #expect(
            corpus.notices
                == Self.outputs.map { .leftOut(path: "inner/\($0.name)", $0.output) }.sorted {
                    $0.description < $1.description
                })
        let reader = try TokenReader(contentsOf: folder("texts"), vocabulary: corpus.vocabulary)
        #expect(reader.notices == corpus.notices)
        // What is named is read.
        for (name, contents, _) in Self.outputs {
            let named = try Corpus(contentsOf: [folder("texts/inner/\(name)")], tokens: .bytes)
            #expect(named.tokens.count == contents.count && named.notices.isEmpty)
        }
        #expect(
            "\(corpus.notices[0])"
                == "left out: inner/events.out.tfevents.1700000000.unroll.0 (a file of events for TensorBoard)"
        )
    }

    @Test(arguments: ["step.onnx", "model.pt"])
    func exportedNetworksAreLeftOut(name: String) throws {
        try makeFolder("texts/export")
        try folder.write(#"{"format":"unroll-vocabulary","tokens":[]}"#, to: "texts/export/vocabulary.json")
        try folder.write("text\n", to: "texts/a.txt")
        // A vocabulary alone is a text.
        #expect(try Corpus(contentsOf: folder("texts")).notices.isEmpty)
        try folder.write("\0", to: "texts/export/\(name)")
        let corpus = try Corpus(contentsOf: folder("texts"))
        #expect(corpus.vocabulary.decode(corpus.tokens) == "text\n")
        #expect(corpus.notices == [.leftOut(path: "export", .exportedNetwork)])
        #expect("\(corpus.notices[0])" == "left out: export (an exported network)")
    }

    @Test(arguments: [
        ["config.json": #"{"format":"unroll-model"}"#, "model.safetensors": "x"],
        ["config.json": #"{"hidden_size":4}"#, "model.safetensors": "x"],
        ["config.json": #"{"cell":"tanh","format":"unroll-model"}"#],
        [
            "training.json": #"{"corpus":{"sources":["a"]},"format":"unroll-training"}"#,
            "metrics.jsonl": "{}",
        ],
    ])
    func foldersOfModelsAreLeftOut(files: [String: String]) throws {
        try makeFolder("texts/model/best")
        for (name, text) in files { try folder.write(text, to: "texts/model/\(name)") }
        try folder.write("notes", to: "texts/model/best/notes.txt")
        try folder.write("text\n", to: "texts/z.txt")
        let corpus = try Corpus(contentsOf: folder("texts"))
        #expect(corpus.vocabulary.decode(corpus.tokens) == "text\n")
        #expect(corpus.notices == [.leftOut(path: "model", .modelFolder)])
        #expect(throws: TextError.noTexts(folder: folder("texts/model").relativePath, corpus.notices)) {
            try Corpus(contentsOf: folder("texts/model"))
        }
        #expect(try text(of: [folder("texts/model/best/notes.txt")]) == "notes")
        try FileManager.default.removeItem(at: folder("texts/z.txt"))
        let error = #expect(throws: TextError.self) { try Corpus(contentsOf: folder("texts")) }
        #expect(
            error?.description.contains("no texts in this folder (left out: model (a model folder))") == true)
    }

    @Test func textsThatLookLikeOutputsAreTexts() throws {
        try makeFolder("texts")
        let texts = [
            "config.json": #"{"output":"unroll-model"}"#, "metrics.jsonl": "{}",
            "page.html": "<!DOCTYPE html>",
            "short": "x", "my-result.json": "{}", "drawing.svg": "<svg/>", "empty": "",
            "mark.txt": "a text about UNTOKN01 and <!-- unroll report -->",
        ]
        for (name, text) in texts { try folder.write(text, to: "texts/\(name)") }
        let corpus = try Corpus(contentsOf: folder("texts"), tokens: .bytes)
        #expect(corpus.notices.isEmpty)
        #expect(corpus.tokens.count == texts.values.reduce(0) { $0 + $1.utf8.count })
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
        let joined = kind.isBytewise ? parts.joined() : "the first\nsecond\nthird ä\nfourth"
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
