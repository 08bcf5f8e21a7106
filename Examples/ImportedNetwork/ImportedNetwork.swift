// Continues a prompt with a network that a script in the manner of char-rnn has trained in PyTorch:
// `swift run -c release ImportedNetwork char-rnn.pt input.txt "The ferry"`.

import ArgumentParser
import Foundation
import Unroll

/// Makes a model of a network whose tokens are the characters of a text.
func importModel(_ network: URL, charactersOf text: URL) throws -> LanguageModel {
    let imported = try ImportedModel(contentsOf: network, vocabulary: .charactersOf(text))
    for tensor in imported.tensors { print(tensor.source, "->", tensor.parameter ?? "left out") }
    return imported.model
}

@main struct ImportedNetwork: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue a prompt with a network that PyTorch has trained.")

    @Argument(help: "What torch.save has written of the network's state_dict.")
    var network: String

    @Argument(help: "The text that the network was trained on.")
    var text: String

    @Argument(help: "The beginning of the text to generate.")
    var prompt: String

    func run() async throws {
        let model = try importModel(URL(filePath: network), charactersOf: URL(filePath: text))
        for try await piece in model.generate(after: prompt, options: .init(length: 200)) {
            print(piece, terminator: "")
        }
        print()
    }
}
