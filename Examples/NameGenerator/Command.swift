import ArgumentParser
import Foundation
import Unroll

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "NameGenerator", abstract: "Learns from a list of names and invents more.")

    @Argument(help: "A file with a name in each line.", completion: .file())
    var file: String

    @Option(help: "How many to invent.")
    var count = 10

    @Option(help: "What they begin with.")
    var beginning = ""

    @Option(help: "Below 1 more like the list, above 1 more daring.")
    var temperature = 0.8

    @Option(help: "Another seed, other names.")
    var seed: UInt64 = 0

    func run() async throws {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw ValidationError("\(file): cannot be read as text; check the path")
        }
        let names = text.split(whereSeparator: \.isNewline)
        let generator = try await NameGenerator(learningFrom: names.map(String.init))
        let invented = try await generator.names(
            count, beginning: beginning, temperature: temperature, seed: seed)
        for name in invented { print(name) }
    }
}
