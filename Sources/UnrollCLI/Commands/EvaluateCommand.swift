import ArgumentParser
import Foundation
import Unroll

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure how well a model predicts a text.",
        discussion: """
            Examples:
              unroll evaluate unroll-model other.txt
              tail -n 1000 server.log | unroll evaluate log-model - --json

            Perplexity is exp(nats / tokens) over the whole text, read as one sequence.
            """)

    @Argument(help: "A model folder.", completion: .directory)
    var model: String

    @Argument(help: "A text file, or - for standard input.", completion: .file())
    var file: String

    @OptionGroup
    var products: PrecisionOptions

    @Option(parsing: .unconditional, help: "Threads that compute (default: all processors).")
    var threads: Int?

    @Flag(help: "Write one JSON object to standard output.")
    var json = false

    func run() async throws {
        let model = try LanguageModel(contentsOf: URL(fileURLWithPath: model, isDirectory: true))
        let corpus = try await CorpusReader.read(file, with: model.vocabulary)
        if corpus.unknownCount > 0 {
            Standard.error.write(
                "note: \(corpus.unknownCount) of \(corpus.tokens.count) tokens are unknown to the model\n")
        }
        let isTerminal = Standard.error.isTerminal
        let evaluation = try model.evaluate(
            on: corpus, precision: products.precision, threads: threads
        ) { fraction in
            if isTerminal { Standard.error.write("\r\(Int(fraction * 100))%\u{1B}[K") }
        }
        if isTerminal { Standard.error.write("\r\u{1B}[K") }
        if json {
            try JSONLine.write(EvaluationLine(evaluation))
            return
        }
        var lines = [
            "tokens              \(evaluation.tokens)",
            "nats                \(Format.decimal(evaluation.nats))",
            "perplexity          \(Format.decimal(evaluation.perplexity))",
        ]
        if let bits = evaluation.bitsPerCharacter {
            lines.append("bits per character  \(Format.decimal(bits))")
        }
        if let bits = evaluation.bitsPerByte { lines.append("bits per byte       \(Format.decimal(bits))") }
        Standard.output.write(lines.joined(separator: "\n") + "\n")
    }
}

/// The line of `unroll evaluate --json`.
private struct EvaluationLine: Encodable {
    let tokens: Int
    let nats: Double
    let perplexity: Double
    let bitsPerCharacter: Nullable<Double>
    let bitsPerByte: Nullable<Double>

    init(_ evaluation: Evaluation) {
        tokens = evaluation.tokens
        nats = evaluation.nats
        perplexity = evaluation.perplexity
        bitsPerCharacter = Nullable(evaluation.bitsPerCharacter)
        bitsPerByte = Nullable(evaluation.bitsPerByte)
    }
}
