import ArgumentParser
import Foundation
import Unroll
import UnrollReports

struct EvaluateCommand: AsyncParsableCommand, Cluster.Member {
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
              mpirun -n 4 unroll evaluate unroll-model archive/ --shards 4

            Perplexity is exp(nats / tokens) over the whole text, read as one sequence. Every
            token is predicted: the first after a line feed, or with equal probabilities of
            all tokens if the model knows no line feed. Bits per byte are those of a lossless
            code, and left out where tokens do not determine bytes: with words, with
            preprocessing, with unknown tokens. A line's columns, between tabs: nats, bits per
            byte, its number, the excess (by how many nats its most surprising part was more
            surprising than the model expected), that part, the line. Each line is scored as
            if it were the first. What is invisible is written as \\t or \\u{202E}, a backslash
            as \\\\, and bytes that are not UTF-8, which are unknown to the model, as \\xFF.
            """)

    @Argument(help: "A model folder.", completion: .directory, transform: FolderPath.init)
    var model: FolderPath

    @Argument(
        help: "A text file, or - for standard input.", completion: .file(), transform: InputPath.init)
    var file: InputPath

    @Flag(help: "Score each line by itself.")
    var perLine = false

    @Option(parsing: .unconditional, help: "Only the N lines of the greatest excess, the greatest first.")
    var top: Int?

    @Option(parsing: .unconditional, help: "Only lines with an excess of at least X nats.")
    var threshold: Double?

    @Option(
        help: """
            Write a page that colors each character by its surprisal, and by hidden units; - writes it alone to \
            standard output.
            """,
        completion: .file(extensions: ["html"]), transform: OutputPath.init)
    var heatmap: OutputPath?

    @Flag(help: "Learn from the text while it is evaluated; the model stays as it is.")
    var dynamic = false

    @Option(
        parsing: .unconditional,
        help: "The learning rate of --dynamic (default: \(DynamicEvaluation().optimizer.learningRate)).")
    var learningRate: Float?

    @Option(
        parsing: .unconditional,
        help: """
            Read the text in N parts, each after the 256 tokens before it, which the processes that mpirun or srun has \
            started share out (default: 1).
            """)
    var shards: Int?

    @OptionGroup
    var engine: ModelEngineOptions

    @Flag(help: "Write one JSON object to standard output; of lines, one for each.")
    var json = false

    func validate() throws {
        guard [perLine, heatmap != nil, dynamic].count(where: { $0 }) <= 1 else {
            throw ValidationError("--per-line, --heatmap and --dynamic exclude each other; give one")
        }
        if let shards {
            guard !perLine, heatmap == nil, !dynamic else {
                throw ValidationError(
                    "--shards is about a text's figures alone; leave out --per-line, --heatmap and --dynamic")
            }
            guard shards >= 1 else { throw ValidationError("--shards is \(shards) but must be at least 1") }
        }
        if json, heatmap?.isStandardOutput == true {
            throw ValidationError(
                "--json and --heatmap would both write to standard output; name a file for --heatmap")
        }
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
        if let shards { return try await evaluate(inShards: shards) }
        // All but the sums over shards is one process's work.
        guard Cluster.isFirst else { return }
        let folder = model
        let model = try engine.model(in: folder)
        ModelNote.say(of: model, in: folder.argument)
        if perLine {
            let report = LineReport(
                top: top, threshold: threshold, json: json, isText: !model.vocabulary.kind.isBytewise)
            try await report.run(lines(of: model), of: "\(file)")
        } else if let heatmap {
            let inspection = try await inspect(with: model, writingTo: heatmap)
            noteUnknown(inspection.score.unknownCount, of: inspection.text.ids.count)
            if heatmap.isStandardOutput { return }
            try report(Evaluation(inspection.score), ["heat map            \(heatmap)"])
        } else {
            var reader = try await CorpusReader.tokens(of: file.argument, with: model.vocabulary)
            let evaluation = try Self.showingProgress { show in
                try model.evaluate(
                    on: &reader, adapting: adaptation, precision: engine.precision, threads: engine.threads,
                    progress: show)
            }
            noteUnknown(reader.unknownCount, of: reader.tokenCount)
            try report(evaluation)
        }
    }

    /// Evaluates with the other processes, if there are any.
    private func evaluate(inShards shards: Int) async throws {
        try Cluster.join()
        let group = Cluster.group
        let files = try SharedFiles(of: model.url, in: group)
        let model = try LanguageModel(contentsOf: files.folder).computed(by: try engine.maker)
        ModelNote.say(of: model, in: self.model.argument)
        if group != nil, file.isStandardInput { throw SharedFiles.standardInputFailure }
        let corpus = try await CorpusReader.read(file.argument, with: model.vocabulary).corpus
        let evaluation = try Self.showingProgress { show in
            try model.evaluate(
                on: corpus, shards: shards, in: group, precision: engine.precision,
                threads: engine.threads ?? Cluster.threads, progress: show)
        }
        noteUnknown(corpus.unknownCount, of: corpus.tokens.count)
        try report(evaluation)
        try Cluster.leave()
    }

    private var adaptation: DynamicEvaluation? {
        guard dynamic else { return nil }
        var adaptation = DynamicEvaluation()
        if let learningRate { adaptation.optimizer.learningRate = learningRate }
        return adaptation
    }

    private func lines(of model: LanguageModel) async throws -> LineScores {
        file.isStandardInput
            ? model.lineScores(of: .standardInput, precision: engine.precision, threads: engine.threads)
            : model.lineScores(
                contentsOf: try await CorpusReader.file(file.argument), precision: engine.precision,
                threads: engine.threads
            )
    }

    private func inspect(
        with model: LanguageModel, writingTo path: OutputPath
    ) async throws -> TextInspection {
        try path.check(reading: file)
        let stream = try await CorpusReader.stream(of: file.argument)
        let (bytes, isWhole) = try stream.beginning(
            HeatMap.maximumByteCount, tokens: model.vocabulary.kind)
        if !isWhole {
            Standard.error.write(
                "note: the page shows the first \(HeatMap.maximumByteCount) bytes, and the figures are theirs\n"
            )
        }
        let inspection = try Self.showingProgress { show in
            try model.inspect(
                bytes, isWhole: isWhole, precision: engine.precision, threads: engine.threads, progress: show)
        }
        guard !inspection.text.ids.isEmpty else { throw TextError.emptyText(file: stream.name) }
        let title =
            file.isStandardInput ? stream.name : URL(fileURLWithPath: file.argument).lastPathComponent
        let page = HeatMap(inspection, vocabulary: model.vocabulary, title: title, isCut: !isWhole)
        if path.isStandardOutput { Standard.output.write(page.html) } else { try page.write(to: path.url) }
        return inspection
    }

    /// Shows the part of a text that is done, in percent.
    static func showingProgress<Result>(
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
            "nats                \(NumberFormat.decimal(evaluation.nats))",
            "perplexity          \(NumberFormat.decimal(evaluation.perplexity))",
        ]
        if let bits = evaluation.bitsPerCharacter {
            lines.append("bits per character  \(NumberFormat.decimal(bits))")
        }
        if let bits = evaluation.bitsPerByte {
            lines.append("bits per byte       \(NumberFormat.decimal(bits))")
        }
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
