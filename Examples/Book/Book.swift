import ArgumentParser
import Foundation
import Unroll
import UnrollDatasets

/// The text that an example learns.
package struct Book {
    /// Its first 10,000 letters.
    package let corpus: Corpus
    /// What a trained network is to go on from.
    package let prefixes: [String]
}

/// Where the text comes from: the one argument of every example.
package struct BookArgument: ParsableArguments {
    @Argument(help: "A text; The Time Machine where it is found, or else a bundled story, unless given.")
    private var text: String?

    package init() {}

    /// Reads the text that was given, or *The Time Machine* where it is found, or else the bundled story.
    package func read() throws -> Book {
        let folder = ProcessInfo.processInfo.environment["UNROLL_CORPORA"].map { URL(filePath: $0) }
        let places = [
            folder?.appending(path: "timemachine.txt"),
            DatasetCache().file(of: try DatasetCatalog.standard.dataset(named: "time-machine")),
        ]
        let novel = places.compactMap(\.self).first { FileManager.default.fileExists(atPath: $0.path) }
        if let file = text.map({ URL(filePath: $0) }) ?? novel {
            let corpus = try Corpus(contentsOf: file, preprocessing: .letters, limit: 10_000)
            return Book(corpus: corpus, prefixes: ["time traveller ", "traveller "])
        }
        let corpus = try Corpus(
            bytes: SampleText.utf8, name: SampleText.title, preprocessing: .letters, limit: 10_000)
        return Book(corpus: corpus, prefixes: ["the ferry ", "hetty "])
    }
}
