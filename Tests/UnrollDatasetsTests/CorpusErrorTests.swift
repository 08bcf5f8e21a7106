import Testing
import UnrollDatasets

@Suite struct CorpusErrorTests {
    private static let entry = TestCorpus.entry(port: 80)
    private static let failures: [DownloadFailure] = [
        .invalidURL("%"), .offline, .hostNotFound("h"), .cannotConnect(host: "h"), .timedOut(seconds: 30),
        .connectionLost(received: 1, total: 2), .other("no luck"),
    ]

    @Test(
        arguments: failures.map { CorpusError.cannotDownload(entry, $0, file: "/c/numbers.txt") } + [
            .unknownCorpus(name: "x", known: ["y"]),
            .httpStatus(entry, status: 404),
            .sizeMismatch(entry, found: 1),
            .sizeMismatch(entry, found: nil),
            .checksumMismatch(entry, found: "00"),
            .downloadInProgress(entry, file: "/c/numbers.part"),
            .diskFull(path: "/c/numbers.part"),
            .cacheUnwritable(path: "/c", reason: "Permission denied"),
        ])
    func descriptionsAreOneLineWithAWayOut(error: CorpusError) {
        let text = error.description
        #expect(!text.contains("\n"))
        let waysOut = ["give the path of a text file", "wait until", "set XDG_CACHE_HOME"]
        #expect(waysOut.contains { text.contains($0) })
    }

    @Test func aFailedDownloadNamesEveryWayOut() {
        let error = CorpusError.cannotDownload(Self.entry, .hostNotFound("h"), file: "/c/numbers.txt")
        #expect(
            error.description == "cannot download numbers: host h not found (offline?);"
                + " train without a name to use the bundled sample, or give the path of a text file of yours,"
                + " or download http://127.0.0.1:80/numbers.txt yourself and put it at /c/numbers.txt or into the folder that UNROLL_CORPORA names"
        )
    }
}
