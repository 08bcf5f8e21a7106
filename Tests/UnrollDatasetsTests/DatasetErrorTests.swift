import Foundation
import Testing
import UnrollDatasets

@Suite struct DatasetErrorTests {
    private static let dataset = TestDataset.dataset(port: 80)

    @Test(arguments: [
        DatasetError.unknown(name: "x", known: ["y"]),
        .cannotDownload(dataset, reason: "no luck", file: "/c/numbers.txt"),
        .httpStatus(dataset, status: 404),
        .wrongContents(dataset, found: "1 bytes"),
    ])
    func descriptionsAreOneLineWithAWayOut(error: DatasetError) {
        #expect(!error.description.contains("\n"))
        #expect(error.description.contains("give the path of a text file"))
        #expect(error.localizedDescription == error.description)
    }

    @Test func aFailedDownloadNamesEveryWayOut() {
        let error = DatasetError.cannotDownload(
            Self.dataset, reason: "host h not found (offline?)", file: "/c/numbers.txt")
        #expect(
            error.description == "cannot download numbers: host h not found (offline?);"
                + " use the bundled text 'sample', or give the path of a text file,"
                + " or download http://127.0.0.1:80/numbers.txt yourself to /c/numbers.txt or into the folder that UNROLL_CORPORA names"
        )
    }
}
