import ArgumentParser
import Foundation
import Unroll
import UnrollBase

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a model of a network that PyTorch, Keras, Flax or MLX has trained.",
        discussion: """
            Examples:
              unroll import char-rnn.pt --to model --text input.txt
              unroll import lm.safetensors --to model --vocabulary tokens.json
              unroll import rnn.pt --to model --bytes --cell tanh
              unroll import run.pt --to model --names state=averages

            The file is safetensors, or what torch.save writes of a state_dict. The
            network has an embedding or one-hot tokens, nn.RNN, nn.LSTM or nn.GRU of
            one size, and a linear decoder, under the names that the framework gives
            them. What becomes of each tensor is written to standard output.
            """)

    @Argument(
        help: "A safetensors file, or one that torch.save has written.", completion: .file(),
        transform: InputPath.init)
    var file: InputPath

    @Option(help: "The model folder to make.", completion: .directory, transform: FolderPath.init)
    var to: FolderPath

    @Option(
        help:
            "The tokens by their ids: a JSON list, a JSON object, one token a line, vocabulary.json, or a byte-level tokenizer.json (default: those in a checkpoint).",
        completion: .file(), transform: InputPath.init)
    var vocabulary: InputPath?

    @Option(
        help: "The text whose characters are the tokens, as sorted(set(text)) numbers them.",
        completion: .file(), transform: InputPath.init)
    var text: InputPath?

    @Flag(help: "Take the 256 bytes as tokens, by their values.")
    var bytes = false

    @Option(help: "The cell, where the tensors do not say it (default: the one with as many gates).")
    var cell: CellName?

    @Option(
        help: ArgumentHelp(
            "What cannot be told apart, separated by commas: state, rnn, embedding (or none), decoder.",
            valueName: "part=name"))
    var names: PartNames?

    @Flag(help: "Write one JSON object to standard output.")
    var json = false

    func validate() throws {
        let sources = [vocabulary != nil, text != nil, bytes].count { $0 }
        guard sources <= 1 else {
            throw ValidationError("--vocabulary, --text and --bytes exclude each other; give one of them")
        }
        guard [file, vocabulary, text].allSatisfy({ $0?.isStandardInput != true }) else {
            throw ValidationError("import reads no standard input; name a file")
        }
    }

    func run() throws {
        try checkIsFree()
        let imported = try ImportedModel(
            contentsOf: url(file), vocabulary: source, cell: cell?.type, names: names?.parts ?? [:])
        try imported.model.save(to: to.url)
        let facts = ImportFacts(imported, folder: to.argument)
        if json {
            try JSONLine.write(facts)
        } else {
            for line in facts.lines { Standard.output.write(EscapedText.line(line) + "\n") }
        }
        Standard.error.say("saved to \(to)")
    }

    private var source: ImportedVocabulary? {
        if let vocabulary { return .file(url(vocabulary)) }
        return text.map { .charactersOf(url($0)) } ?? (bytes ? .bytes : nil)
    }

    private func url(_ path: InputPath) -> URL { URL(fileURLWithPath: path.argument) }

    /// Refuses a folder that holds anything, before the work.
    private func checkIsFree() throws {
        guard FileSystem.kind(of: to.url) != .nothing else { return }
        let contents = try? FileManager.default.contentsOfDirectory(atPath: to.argument)
        guard contents?.isEmpty == true else {
            throw Failure("\(to): exists already; choose another --to, or remove it first")
        }
    }
}

/// The value of `--names`: parts of the network with the names that they have in the file.
struct PartNames: ExpressibleByArgument {
    let parts: [ImportedPart: String]

    init?(argument: String) {
        var parts: [ImportedPart: String] = [:]
        for assignment in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = assignment.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, let part = ImportedPart(rawValue: String(sides[0])),
                parts.updateValue(String(sides[1]), forKey: part) == nil
            else { return nil }
        }
        self.parts = parts
    }
}

/// What `unroll import` says.
private struct ImportFacts: Encodable {
    struct Tensor: Encodable {
        let source: String
        let parameter: Nullable<String>
        let shape: Nullable<[Int]>
        let note: Nullable<String>
    }

    let model: String
    let framework: String
    let cell: String
    let layers: Int
    let hiddenSize: Int
    let vocabulary: Int
    let tokens: TokenKind
    let addsUnknownToken: Bool
    let tensors: [Tensor]

    init(_ imported: ImportedModel, folder: String) {
        let configuration = imported.model.configuration
        (model, framework, cell) = (folder, imported.framework.rawValue, configuration.cell.name)
        (layers, hiddenSize) = (configuration.layerCount, configuration.hiddenSize)
        (vocabulary, tokens) = (imported.model.vocabulary.count, imported.model.vocabulary.kind)
        addsUnknownToken = !imported.hasUnknownToken
        tensors = imported.tensors.map {
            Tensor(
                source: $0.source, parameter: Nullable($0.parameter), shape: Nullable($0.shape),
                note: Nullable($0.note))
        }
    }

    var lines: [String] {
        let kind = "\(layers == 1 ? "1 layer" : "\(layers) layers") of \(hiddenSize) units, cell \(cell)"
        var lines = ["\(framework): \(kind), \(vocabulary) \(tokens)"]
        lines += tensors.map { tensor in
            let target = tensor.parameter.value.map { "\($0) \(tensor.shape.value ?? [])" } ?? "left out"
            return "\(tensor.source) -> \(target)" + (tensor.note.value.map { ", \($0)" } ?? "")
        }
        if addsUnknownToken { lines.append("<unk> is added as token 0, which the model never predicts") }
        return lines
    }
}
