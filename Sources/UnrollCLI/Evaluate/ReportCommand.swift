import ArgumentParser
import Foundation
import UnrollReports

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Make a page about a training run, or compare several.",
        discussion: """
            Examples:
              unroll report unroll-model
              unroll report small large --output comparison.html
              unroll report small large --json

            The page is one file of HTML: results, curves, samples by epoch, configuration,
            environment. Of several runs it says what differs, the best first.
            """)

    @Argument(help: "Folders that unroll train has made.", completion: .directory)
    var runs: [String]

    @Option(
        help: "The file to write (default: report.html, unless --json is given).",
        completion: .file(extensions: ["html"]))
    var output: String?

    @Flag(help: "Write the results as one JSON object a line to standard output, the best run first.")
    var json = false

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output is empty; name a file to write") }
        if let run = runs.first(where: { name in runs.count { $0 == name } > 1 }) {
            throw ValidationError("RUNS name '\(run)' twice; name it once")
        }
    }

    func run() throws {
        let runs = try runs.map { name in
            try Run(contentsOf: URL(fileURLWithPath: name, isDirectory: true), name: name)
        }
        for run in runs {
            for note in run.notes { Standard.error.write("note: \(run.name): \(note)\n") }
        }
        if json {
            for run in Run.ranked(runs) { try JSONLine.write(RunLine(run)) }
        }
        guard !json || output != nil else { return }
        let file = output ?? "report.html"
        try Report(runs).write(to: URL(fileURLWithPath: file))
        if !json { Standard.output.write("\(file)\n") }
    }
}

/// A line of `unroll report --json`.
private struct RunLine: Encodable {
    let model: String
    let parameters: Nullable<Int>
    let epochs: Int
    let plannedEpochs: Nullable<Int>
    let perplexity: Nullable<Double>
    let validationPerplexity: Nullable<Double>
    let bestPerplexity: Nullable<Double>
    let bestEpoch: Nullable<Int>
    let bitsPerToken: Nullable<Double>
    let seconds: Nullable<Double>
    let tokensPerSecond: Nullable<Double>

    init(_ run: Run) {
        model = run.name
        parameters = Nullable(run.parameterCount)
        epochs = run.completedEpochs
        plannedEpochs = Nullable(run.plannedEpochs)
        perplexity = Nullable(run.metrics.last?.perplexity)
        validationPerplexity = Nullable(run.metrics.last?.validationPerplexity)
        bestPerplexity = Nullable(run.best?.perplexity)
        bestEpoch = Nullable(run.best?.epoch)
        bitsPerToken = Nullable(run.best?.bitsPerToken)
        seconds = Nullable(run.seconds)
        tokensPerSecond = Nullable(run.tokensPerSecond)
    }
}
