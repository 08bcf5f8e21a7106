import ArgumentParser
import Foundation
import Unroll
import UnrollDatasets

struct CorpusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus",
        abstract: "List texts to train on, and fetch them.",
        discussion: """
            Examples:
              unroll corpus list
              unroll corpus fetch time-machine
              unroll train time-machine --preprocess letters
            """,
        subcommands: [List.self, Fetch.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the texts that are known by name.")

        func run() throws {
            Standard.output.write(
                "\(CorpusReader.bundledStory)  \(SampleText.title), comes with the program\n")
            let (cache, folder) = (DatasetCache(), DatasetFolder())
            for dataset in DatasetCatalog.standard.datasets {
                let isThere = folder.file(of: dataset) != nil || cache.contains(dataset)
                let other = folder.otherContents(of: dataset) ?? cache.otherContents(of: dataset)
                let state =
                    isThere
                    ? "there"
                    : "not fetched" + (other.map { "; \($0.file.path) is another text" } ?? "")
                Standard.output.write(
                    "\(dataset.name)  \(dataset.title), \(dataset.byteCount) bytes, \(dataset.license) (\(state))\n"
                )
            }
        }
    }

    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a text, check it, and print where it is.")

        @Argument(
            help: "A name from 'unroll corpus list'.",
            completion: .list(CorpusReader.knownNames))
        var name: String

        func run() async throws {
            Standard.output.write(try await CorpusReader.fetch(name).path + "\n")
        }
    }
}
