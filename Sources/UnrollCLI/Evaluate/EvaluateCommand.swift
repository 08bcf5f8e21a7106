import ArgumentParser
import Foundation
import Unroll
import UnrollReports

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure how well a model predicts a text.",
        discussion: """
            Examples:
              unroll evaluate unroll-model other.txt
              tail -n 1000 server.log | unroll evaluate log-model - --json
              unroll evaluate log-model server.log --per-line --top 20
              tail -f server.log | unroll evaluate log-model - --per-line --threshold 25
              unroll evaluate unroll-model chapter.txt --heatmap chapter.html

            Perplexity is exp(nats / tokens) over the whole text, read as one sequence.
            A line's columns, between tabs: nats, bits per byte, its number, the excess
            (by how many nats its most surprising part was more surprising than the model
            expected), that part, the line. Each line is scored as if it were the first.
            """)

    @Argument(help: "A model folder.", completion: .directory)
    var model: String

    @Argument(help: "A text file, or - for standard input.", completion: .file())
    var file: String

    @Flag(help: "Score each line by itself.")
    var perLine = false

    @Option(parsing: .unconditional, help: "Only the N lines of the greatest excess, the greatest first.")
    var top: Int?

    @Option(parsing: .unconditional, help: "Only lines with an excess of at least X nats.")
    var threshold: Double?

    @Option(
        help: "Write a page that colors each character by its surprisal, and by hidden units.",
        completion: .file(extensions: ["html"]))
    var heatmap: String?

    @Flag(help: "Learn from the text while it is evaluated; the model stays as it is.")
    var dynamic = false

    @Option(
        parsing: .unconditional,
        help: "The learning rate of --dynamic (default: \(DynamicEvaluation().learningRate)).")
    var learningRate: Float?

    @OptionGroup
    var products: PrecisionOptions

    @Option(parsing: .unconditional, help: "Threads that compute (default: all processors).")
    var threads: Int?

    @Flag(help: "Write one JSON object to standard output; of lines, one for each.")
    var json = false

    func validate() throws {
        guard [perLine, heatmap != nil, dynamic].count(where: { $0 }) <= 1 else {
            throw ValidationError("--per-line, --heatmap and --dynamic exclude each other; give one")
        }
        if heatmap?.isEmpty == true { throw ValidationError("--heatmap is empty; name a file to write") }
        for (name, isGiven) in [("--top", top != nil), ("--threshold", threshold != nil)]
        where isGiven && !perLine {
            throw ValidationError("\(name) is about lines; add --per-line")
        }
        if let top, top < 1 { throw ValidationError("--top is \(top) but must be at least 1") }
        if let threshold, !threshold.isFinite {
            throw ValidationError("--threshold is \(threshold) but must be a number of nats, such as 25")
        }
        if let learningRate {
            guard dynamic else { throw ValidationError("--learning-rate is that of --dynamic; add it") }
            guard learningRate > 0, learningRate.isFinite else {
                throw ValidationError("--learning-rate is \(learningRate) but must be a positive number")
            }
        }
    }

    func run() async throws {
        let model = try LanguageModel(contentsOf: URL(fileURLWithPath: model, isDirectory: true))
        if perLine {
            try await LineReport(top: top, threshold: threshold, json: json).run(lines(of: model), of: file)
        } else if let heatmap {
            let inspection = try await inspect(with: model, writingTo: heatmap)
            noteUnknown(inspection.score.unknownCount, of: inspection.text.ids.count)
            try report(Evaluation(inspection.score), ["heat map            \(heatmap)"])
        } else {
            var reader = try await CorpusReader.tokens(of: file, with: model.vocabulary)
            let evaluation = try Self.showingProgress { show in
                try model.evaluate(
                    on: &reader, adapting: adaptation, precision: products.precision, threads: threads,
                    progress: show)
            }
            noteUnknown(reader.unknownCount, of: reader.tokenCount)
            try report(evaluation)
        }
    }

    private var adaptation: DynamicEvaluation? {
        guard dynamic else { return nil }
        var adaptation = DynamicEvaluation()
        if let learningRate { adaptation.learningRate = learningRate }
        return adaptation
    }

    private func lines(of model: LanguageModel) async throws -> LineScores {
        file == CorpusReader.standardInput
            ? model.lineScores(of: .standardInput, precision: products.precision, threads: threads)
            : model.lineScores(
                contentsOf: try await CorpusReader.file(file), precision: products.precision, threads: threads
            )
    }

    private func inspect(
        with model: LanguageModel, writingTo page: String
    ) async throws -> TextInspection {
        let stream = try await CorpusReader.stream(of: file)
        let (bytes, isWhole) = try stream.beginning(
            HeatMap.maximumByteCount, tokens: model.vocabulary.kind)
        if !isWhole {
            Standard.error.write(
                "note: the page shows the first \(HeatMap.maximumByteCount) bytes, and the figures are theirs\n"
            )
        }
        let inspection = try Self.showingProgress { show in
            try model.inspect(bytes, precision: products.precision, threads: threads, progress: show)
        }
        guard !inspection.text.ids.isEmpty else { throw TextError.emptyText(file: stream.name) }
        guard !inspection.score.tokens.isEmpty else {
            throw TextError.textTooShort(tokens: 1, needed: 2, batchSize: 1, sequenceLength: 1)
        }
        let title =
            file == CorpusReader.standardInput ? stream.name : URL(fileURLWithPath: file).lastPathComponent
        try HeatMap(inspection, vocabulary: model.vocabulary, title: title, isCut: !isWhole)
            .write(to: URL(fileURLWithPath: page))
        return inspection
    }

    private static func showingProgress<Result>(
        _ work: ((Double) -> Void) throws -> Result
    ) throws -> Result {
        var shown = -1
        let result = try work { fraction in
            let percent = Int(fraction * 100)
            guard percent != shown else { return }
            shown = percent
            Standard.error.showProgress(percent, of: 100)
        }
        Standard.error.clearProgress()
        return result
    }

    private func noteUnknown(_ count: Int, of tokens: Int) {
        guard count > 0 else { return }
        Standard.error.write("note: \(count) of \(tokens) tokens are unknown to the model\n")
    }

    private func report(_ evaluation: Evaluation, _ further: [String] = []) throws {
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
        Standard.output.write((lines + further).joined(separator: "\n") + "\n")
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
