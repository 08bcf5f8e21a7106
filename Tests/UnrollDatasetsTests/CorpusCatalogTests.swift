import Foundation
import Testing
import UnrollDatasets

@Suite struct CorpusCatalogTests {
    @Test func aTextIsFoundByItsName() throws {
        let entry = try CorpusCatalog.standard.entry(named: "time-machine")
        #expect(entry.byteCount == 178_979)
    }

    @Test func anUnknownNameListsTheKnownOnes() {
        let error = CorpusError.unknownCorpus(name: "bible", known: ["time-machine", "tiny-shakespeare"])
        #expect(throws: error) { try CorpusCatalog.standard.entry(named: "bible") }
        #expect(error.description.contains("'bible'") && error.description.contains("time-machine"))
    }

    @Test(arguments: CorpusCatalog.standard.entries) func entriesAreWellFormed(entry: CorpusEntry) {
        #expect(URL(string: entry.url)?.scheme?.hasPrefix("http") == true)
        #expect(entry.sha256.count == 64 && entry.sha256.allSatisfy { "0123456789abcdef".contains($0) })
        #expect(entry.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
    }

    private static let corpora = ProcessInfo.processInfo.environment["UNROLL_CORPORA"]

    @Test(
        .enabled(if: corpora != nil, "UNROLL_CORPORA does not name the folder with the texts"),
        arguments: ["time-machine": "timemachine.txt", "tiny-shakespeare": "tinyshakespeare.txt"])
    func textsAreDescribedRight(name: String, file: String) throws {
        let folder = try URL(filePath: #require(Self.corpora), directoryHint: .isDirectory)
        let text = try Data(contentsOf: folder.appending(path: file))
        let corpus = try TestCorpus(replies: [])
        let entry = try CorpusCatalog.standard.entry(named: name)
        try corpus.write(text, to: corpus.cache.file(of: entry))
        #expect(corpus.cache.isPresent(entry))
    }
}
