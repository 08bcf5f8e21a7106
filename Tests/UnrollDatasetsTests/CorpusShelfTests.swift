import Foundation
import Testing
import UnrollDatasets

@Suite struct CorpusShelfTests {
    @Test func aTextIsFoundWhateverItsFileIsCalled() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let entry = CorpusEntry(
            name: "abc", title: "three letters", url: "http://localhost/abc", byteCount: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", license: "none")
        let shelf = CorpusShelf(environment: ["UNROLL_CORPORA": folder.path])
        #expect(shelf.file(of: entry) == nil)
        // The same size, but other letters; and a folder.
        try Data("abd".utf8).write(to: folder.appending(path: "a.txt"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "abc"), withIntermediateDirectories: true)
        #expect(shelf.file(of: entry) == nil)
        try Data("abc".utf8).write(to: folder.appending(path: "z.txt"))
        #expect(shelf.file(of: entry)?.lastPathComponent == "z.txt")
        try Data("abc".utf8).write(to: folder.appending(path: "b.txt"))
        #expect(shelf.file(of: entry)?.lastPathComponent == "b.txt")
        // A folder of links to texts that are elsewhere.
        let links = folder.appending(path: "links")
        try FileManager.default.createDirectory(at: links, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: links.appending(path: "link"), withDestinationURL: folder.appending(path: "z.txt"))
        #expect(
            CorpusShelf(environment: ["UNROLL_CORPORA": links.path]).file(of: entry)?.lastPathComponent
                == "z.txt")
    }

    @Test(arguments: [[:], ["UNROLL_CORPORA": ""], ["UNROLL_CORPORA": "/nowhere/at all"]])
    func withoutAFolderThereIsNothing(environment: [String: String]) throws {
        let entry = try CorpusCatalog.standard.entry(named: "time-machine")
        #expect(CorpusShelf(environment: environment).file(of: entry) == nil)
    }
}
