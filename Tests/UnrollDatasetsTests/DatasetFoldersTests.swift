import Foundation
import Testing
import UnrollDatasets

@Suite struct DatasetCacheTests {
    private let dataset = TestDataset.dataset(port: 80)

    @Test func theXDGVariableIsRespected() {
        let cache = DatasetCache(environment: ["XDG_CACHE_HOME": "/somewhere/caches", "HOME": "/home/wells"])
        #expect(cache.folder.path == "/somewhere/caches/unroll/corpora")
        #expect(cache.file(of: dataset).path == "/somewhere/caches/unroll/corpora/numbers.txt")
    }

    @Test(arguments: [nil, "", "relative/path"]) func otherwiseTheHomeFolderIsUsed(variable: String?) {
        var environment = ["HOME": "/home/wells"]
        environment["XDG_CACHE_HOME"] = variable
        let path = DatasetCache(environment: environment).folder.path
        #if os(macOS)
            #expect(path == "/home/wells/Library/Caches/unroll/corpora")
        #else
            #expect(path == "/home/wells/.cache/unroll/corpora")
        #endif
    }

    @Test func withoutAHomeVariableTheSystemIsAsked() {
        #expect(DatasetCache(environment: [:]).folder.path.hasPrefix(NSHomeDirectory()))
    }
}

@Suite struct DatasetFolderTests {
    @Test func aTextIsFoundWhateverItsFileIsCalled() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let dataset = Dataset(
            name: "abc", fileName: "abc.txt", title: "three letters", url: "http://localhost/abc",
            byteCount: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", license: "none")
        let texts = DatasetFolder(environment: ["UNROLL_CORPORA": folder.path])
        #expect(texts.file(of: dataset) == nil)
        // The same size, but other letters; and a folder.
        try Data("abd".utf8).write(to: folder.appending(path: "a.txt"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "abc"), withIntermediateDirectories: true)
        #expect(texts.file(of: dataset) == nil)
        try Data("abc".utf8).write(to: folder.appending(path: "z.txt"))
        #expect(texts.file(of: dataset)?.lastPathComponent == "z.txt")
        try Data("abc".utf8).write(to: folder.appending(path: "b.txt"))
        #expect(texts.file(of: dataset)?.lastPathComponent == "b.txt")
        // A folder of links to texts that are elsewhere.
        let links = folder.appending(path: "links")
        try FileManager.default.createDirectory(at: links, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: links.appending(path: "link"), withDestinationURL: folder.appending(path: "z.txt"))
        #expect(
            DatasetFolder(environment: ["UNROLL_CORPORA": links.path]).file(of: dataset)?.lastPathComponent
                == "z.txt")
    }

    @Test(arguments: [[:], ["UNROLL_CORPORA": ""], ["UNROLL_CORPORA": "/nowhere/at all"]])
    func withoutAFolderThereIsNothing(environment: [String: String]) throws {
        let dataset = try DatasetCatalog.standard.dataset(named: "time-machine")
        #expect(DatasetFolder(environment: environment).file(of: dataset) == nil)
    }
}
