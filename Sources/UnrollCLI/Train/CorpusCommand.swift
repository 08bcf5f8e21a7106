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
            let (cache, shelf) = (CorpusCache(), CorpusShelf())
            for entry in CorpusCatalog.standard.entries {
                let isThere = shelf.file(of: entry) != nil || cache.isPresent(entry)
                let state = isThere ? "there" : "not fetched"
                Standard.output.write(
                    "\(entry.name)  \(entry.title), \(entry.byteCount) bytes, \(entry.license) (\(state))\n")
            }
        }
    }

    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a text, check it, and print where it is.")

        @Argument(
            help: "A name from 'unroll corpus list'.",
            completion: .list(CorpusCatalog.standard.entries.map(\.name)))
        var name: String

        func run() async throws {
            let file = try await CorpusReader.fetch(try CorpusCatalog.standard.entry(named: name))
            Standard.output.write(file.path + "\n")
        }
    }
}
