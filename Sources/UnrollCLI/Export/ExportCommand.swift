import ArgumentParser
import Foundation
import Unroll

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a model's network for other programs.",
        discussion: """
            Examples:
              unroll export unroll-model --format onnx
              unroll export unroll-model --format pytorch --output network
              python network/model.py "The ferry"

            Files are those of the format, and vocabulary.json with the tokens:
              onnx         step.onnx reads a token, sequence.onnx whole texts
              pytorch      model.pt for torch.load, and model.py, which uses it
              safetensors  model.safetensors and config.json: a model folder

            An n-gram model that predicts beside the network is left out. What the
            network alone predicts, unroll evaluate says of an export as safetensors.
            """)

    @Argument(help: "A model folder.", completion: .directory, transform: FolderPath.init)
    var model: FolderPath

    @Option(help: "The format.")
    var format: ExportFormat

    @Option(
        help: "The folder to write (default: the model's name and the format, as in unroll-model-onnx).",
        completion: .directory, transform: FolderPath.init)
    var output: FolderPath?

    @Flag(name: .shortAndLong, help: "Replace an export in the same format that is there.")
    var force = false

    @Flag(help: "Write one JSON object to standard output.")
    var json = false

    func run() throws {
        let output = try output ?? model.derived(format.rawValue)
        let model = try LanguageModel(contentsOf: model.url)
        let names = try model.export(to: output.url, as: format, replacing: force)
        ModelNote.say(of: model, in: self.model.argument)
        if let ngrams = model.ngrams {
            Standard.error.say(
                "note: the \(ngrams.order)-gram model is left out; to measure the network alone, evaluate an export as safetensors"
            )
        }
        if json {
            try JSONLine.write(
                ExportLine(
                    format: format, output: output.argument, files: names,
                    leavesOutNGrams: model.ngrams != nil))
        } else {
            let files = names.map { output.url.appendingPathComponent($0).relativePath }
            Standard.output.write(files.map { $0 + "\n" }.joined())
        }
    }
}

/// The line of `unroll export --json`.
private struct ExportLine: Encodable {
    let format: ExportFormat
    let output: String
    let files: [String]
    /// Whether the network was exported without the n-gram model that predicts beside it.
    let leavesOutNGrams: Bool
}

extension ExportFormat: ExpressibleByArgument {}
