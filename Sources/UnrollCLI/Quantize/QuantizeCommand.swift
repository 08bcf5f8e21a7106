import ArgumentParser
import Foundation
import Unroll
import UnrollBase
import UnrollModel

struct QuantizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Save a model with weights of eight bits: a quarter of the size, and faster.",
        discussion: """
            Examples:
              unroll quantize unroll-model
              unroll quantize unroll-model --output small-model --text other.txt

            Each row of a matrix of weights becomes whole numbers of -127 to 127 and one
            scale; biases stay as they are. The folder is a model like any other: it
            generates, scores and compresses in int8, with the same result on every
            processor. To compute a model in int8 without saving it, give --precision int8.
            """)

    @Argument(help: "A model folder.", completion: .directory, transform: FolderPath.init)
    var model: FolderPath

    @Option(
        name: .shortAndLong, help: "The folder to save to (default: the model's name and -int8).",
        completion: .directory, transform: FolderPath.init)
    var output: FolderPath?

    @Option(parsing: .unconditional, help: "Bits of a weight; 8 is all there is.")
    var bits = 8

    @Option(
        help: "A text, or a text's name, to say what it costs in perplexity.", completion: .file(),
        transform: StoredTextPath.init)
    var text: StoredTextPath?

    @Option(parsing: .unconditional, help: "Threads that compute --text (default: all processors).")
    var threads: Int?

    @Flag(help: "Write one JSON object to standard output.")
    var json = false

    func validate() throws {
        guard bits == 8 else { throw ValidationError("--bits is \(bits) but must be 8") }
        guard threads == nil || text != nil else {
            throw ValidationError("--threads is about --text; add it")
        }
    }

    func run() async throws {
        let original = try LanguageModel(contentsOf: model.url)
        guard original.weightFormat == .float32 else {
            throw Failure("\(model): its weights have eight bits already; name the model that it was made of")
        }
        let output = try output ?? model.derived("int8")
        let quantized = try original.quantized()
        try quantized.save(to: output.url)
        var cost: PrecisionCost?
        if let text {
            cost = try await PrecisionCost(of: quantized, beside: original, on: text, threads: threads)
        }
        let line = QuantizedLine(
            model: output.argument, bytes: ModelSize.bytes(of: output.url),
            originalBytes: ModelSize.bytes(of: model.url), text: Nullable(cost))
        if json { try JSONLine.write(line) } else { Standard.output.write("\(line)\n") }
    }
}

/// The line of `unroll quantize --json`, and what it says to people.
private struct QuantizedLine: Encodable, CustomStringConvertible {
    let model: String
    let bytes: Int
    let originalBytes: Int
    let text: Nullable<PrecisionCost>

    var description: String {
        let share = NumberFormat.decimal(100 * Double(bytes) / Double(max(originalBytes, 1)))
        let size =
            "int8 model in \(EscapedText.line(model)): \(NumberFormat.bytes(Double(bytes))), \(share) % of "
            + NumberFormat.bytes(Double(originalBytes))
        return ([size] + (text.value.map { [$0.description] } ?? [])).joined(separator: "\n")
    }
}

/// The room that a model takes.
enum ModelSize {
    /// The bytes of the model's files in a folder.
    static func bytes(of folder: URL) -> Int {
        let folder = ModelFolder(folder)
        return folder.names.reduce(0) { $0 + (FileStatus(of: folder.url(of: $1).path)?.size ?? 0) }
    }
}
