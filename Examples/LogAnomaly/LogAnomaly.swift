// Learns what a log usually says, and prints the lines of another that it would not have expected.

import ArgumentParser
import Foundation
import Unroll

/// Finds lines that are out of the ordinary.
package struct AnomalyDetector: Sendable {
    /// What knows the usual lines.
    package let model: LanguageModel
    /// How surprising a line must be, in nats beyond what the model expected.
    package let threshold: Double

    /// Learns the usual lines, all but the last tenth, which say how surprising a usual line can be.
    package init(learningFrom log: URL, epochs: Int = 10) async throws {
        let trainer = try Trainer(
            corpus: Corpus(contentsOf: log), model: .init(cell: LSTMCell.self, hiddenSize: 128),
            options: .init(
                epochs: epochs, batchSize: 16, sequenceLength: 64, validationFraction: 0.1,
                optimizer: .init(rule: .adam(), learningRate: 0.005)))
        for try await case .epoch(let report) in trainer.run() {
            guard let perplexity = report.validationPerplexity else { continue }
            print("# epoch \(report.epoch): perplexity \(perplexity)")
        }
        try await self.init(model: trainer.languageModel(), usual: log)
    }

    /// Takes a model, and the log that it has learned.
    package init(model: LanguageModel, usual log: URL) async throws {
        self.model = model
        var excesses: [Double] = []
        for try await line in model.lineScores(contentsOf: log) { excesses.append(line.excess) }
        threshold = 1.5 * (excesses.suffix(max(excesses.count / 10, 1)).max() ?? 0)
    }

    /// Calls `body` with each line that is out of the ordinary, while the log is read.
    package func forEachAnomaly(in log: URL, _ body: (LineScore) -> Void) async throws {
        for try await line in model.lineScores(contentsOf: log) where line.excess > threshold { body(line) }
    }
}

@main
struct LogAnomaly: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the lines of a log that another log does not lead one to expect.")

    @Argument(help: "A log of usual days.") var usual: String
    @Argument(help: "The log to look at.") var log: String
    @Option(help: "A model folder to use, or to make.") var model = "log-model"

    func run() async throws {
        let (folder, usual) = (URL(filePath: model), URL(filePath: usual))
        let detector: AnomalyDetector
        if FileManager.default.fileExists(atPath: model) {
            detector = try await AnomalyDetector(model: LanguageModel(contentsOf: folder), usual: usual)
        } else {
            detector = try await AnomalyDetector(learningFrom: usual)
            try detector.model.save(to: folder)
        }
        try await detector.forEachAnomaly(in: URL(filePath: log)) { line in
            print(line.number, Int(line.excess), line.score.marked(), separator: "\t")
        }
    }
}
