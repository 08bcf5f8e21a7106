import ArgumentParser
import Foundation
import UnrollBase
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

    @Argument(
        help: "Folders that unroll train has made.", completion: .directory, transform: FolderPath.init)
    var runs: [FolderPath]

    @Option(
        help: "The file to write, or - for standard output (default: report.html, unless --json is given).",
        completion: .file(extensions: ["html"]), transform: OutputPath.init)
    var output: OutputPath?

    @Flag(help: "Write the results as one JSON object a line to standard output, the best run first.")
    var json = false

    func validate() throws {
        if json, output?.isStandardOutput == true {
            throw ValidationError(
                "--json and --output would both write to standard output; name a file for --output")
        }
        if let run = runs.first(where: { name in runs.count { $0 == name } > 1 }) {
            throw ValidationError("RUNS name '\(run)' twice; name it once")
        }
    }

    func run() throws {
        let runs = try runs.map { try Run(contentsOf: $0.url, name: $0.argument) }
        for run in runs {
            for note in run.notes { Standard.error.say("note: \(run.name): \(note)") }
        }
        if json {
            for run in Run.ranked(runs) { try JSONLine.write(RunLine(run)) }
        }
        guard !json || output != nil else { return }
        let file = try output ?? OutputPath("report.html")
        let report = Report(runs)
        if file.isStandardOutput { return Standard.output.write(report.html) }
        try report.write(to: file.url)
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
    let saved: SavedLine

    init(_ run: Run) {
        model = run.name
        parameters = Nullable(run.parameterCount)
        epochs = run.completedEpochs
        plannedEpochs = Nullable(run.plannedEpochs)
        perplexity = Nullable(run.savedMetrics.last?.perplexity)
        validationPerplexity = Nullable(run.savedMetrics.last?.validationPerplexity)
        bestPerplexity = Nullable(run.best?.perplexity)
        bestEpoch = Nullable(run.best?.epoch)
        bitsPerToken = Nullable(run.best?.bitsPerToken)
        seconds = Nullable(run.seconds)
        tokensPerSecond = Nullable(run.tokensPerSecond)
        saved = SavedLine(run.saved)
    }
}
