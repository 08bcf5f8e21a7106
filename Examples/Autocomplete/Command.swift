import ArgumentParser
import Foundation
import Unroll

@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Autocomplete", abstract: "Completes the last word of every line that it reads.")

    @Argument(help: "A model folder.", completion: .directory)
    var model: String

    @Option(help: "How many completions.")
    var count = 3

    func run() throws {
        let empty = Autocomplete(try LanguageModel(contentsOf: URL(filePath: model)))
        while let line = readLine() {
            var autocomplete = empty
            try autocomplete.type(line)
            for suggestion in try autocomplete.suggestions(count) {
                let percent = Int((100 * suggestion.probability).rounded())
                print(line + suggestion.text, "\(percent) %", separator: "\t")
            }
        }
    }
}
