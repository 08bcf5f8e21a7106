import Foundation
import Testing
import UnrollDatasets

@Suite struct DatasetCatalogTests {
    @Test func aTextIsFoundByItsName() throws {
        let dataset = try DatasetCatalog.standard.dataset(named: "time-machine")
        #expect(dataset.byteCount == 178_979)
    }

    @Test func anUnknownNameListsTheKnownOnes() {
        let error = DatasetError.unknown(name: "bible", known: ["time-machine", "tiny-shakespeare"])
        #expect(throws: error) { try DatasetCatalog.standard.dataset(named: "bible") }
        #expect(error.description.contains("'bible'") && error.description.contains("time-machine"))
    }

    @Test(arguments: DatasetCatalog.standard.datasets) func datasetsAreWellFormed(dataset: Dataset) {
        #expect(URL(string: dataset.url)?.scheme?.hasPrefix("http") == true)
        #expect(dataset.sha256.count == 64 && dataset.sha256.allSatisfy { "0123456789abcdef".contains($0) })
        #expect(dataset.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
        #expect(dataset.fileName.hasSuffix(".txt") && !dataset.fileName.contains("/"))
    }

    private static let corpora = ProcessInfo.processInfo.environment["UNROLL_CORPORA"]

    @Test(
        .enabled(if: corpora != nil, "UNROLL_CORPORA does not name the folder with the texts"),
        arguments: ["time-machine": "timemachine.txt", "tiny-shakespeare": "tinyshakespeare.txt"])
    func textsAreDescribedRight(name: String, file: String) throws {
        let folder = try URL(filePath: #require(Self.corpora), directoryHint: .isDirectory)
        let text = try Data(contentsOf: folder.appending(path: file))
        let test = try TestDataset(replies: [])
        let dataset = try DatasetCatalog.standard.dataset(named: name)
        let target = test.cache.file(of: dataset)
        #expect(target.lastPathComponent == file)
        try test.write(text, to: target)
        #expect(test.cache.contains(dataset))
    }
}
