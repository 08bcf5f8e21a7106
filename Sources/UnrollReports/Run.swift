import Foundation
import UnrollBase
import UnrollModel
import UnrollText

/// A training run, read from its folder.
package struct Run: Sendable {
    /// Its name, such as the path of its folder.
    package var name: String
    /// The number of the model's parameters; nil if the model cannot be read.
    package private(set) var parameterCount: Int?
    /// The number of tokens in the model's vocabulary; nil if the model cannot be read.
    package private(set) var vocabularySize: Int?
    /// The settings of the model.
    package private(set) var model: [Setting] = []
    /// The settings of the training, and its text.
    package private(set) var training: [Setting] = []
    /// The lines of the log.
    package private(set) var metrics: [EpochMetrics] = []
    /// What is on the disk of the models that the log tells of.
    package private(set) var saved: SavedRun
    package private(set) var samples: [SampleRecord] = []
    package private(set) var sessions: [SessionEnvironment] = []
    /// What could not be read, and why.
    package private(set) var notes: [String] = []

    /// Reads the readable files of a folder.
    ///
    /// - Throws: `ReportError` if there is no such folder, or it is not that of a run.
    package init(contentsOf url: URL, name: String) throws {
        let folder = ModelFolder(url)
        self.name = name
        saved = SavedRun(of: folder, metrics: [])
        try folder.check()
        let hasFile = { FileManager.default.fileExists(atPath: folder.url(of: $0).path) }
        guard hasFile(Setting.File.training.rawValue) || hasFile(EpochMetrics.fileName) else {
            throw ReportError.notARun(path: url.relativePath)
        }
        read(in: folder) { run in
            run.model = try Setting.settings(in: .model, of: folder)
        }
        read(in: folder) { run in
            run.training = try Setting.settings(in: .training, of: folder)
        }
        read(in: folder) { run in
            run.metrics = try run.lines(of: EpochMetrics.fileName, in: folder)
        }
        read(in: folder) { run in
            run.samples = try run.lines(of: SampleRecord.fileName, in: folder)
        }
        read(in: folder) { run in
            run.sessions = try EnvironmentFile(of: folder)?.sessions ?? []
        }
        read(in: folder) { run in
            let model = try folder.model()
            run.parameterCount = model.parameters.scalarCount
            run.vocabularySize = model.vocabulary.count
        }
        saved = SavedRun(of: folder, metrics: metrics)
        if let loss = saved.loss { notes.append(loss) }
    }

    /// Reads one thing, and notes why it cannot be read if so, since a report of the rest is useful.
    private mutating func read(in folder: ModelFolder, _ body: (inout Run) throws -> Void) {
        do {
            try body(&self)
        } catch {
            // The run's name stands for the folder.
            notes.append("\(error)".replacing(folder.url.path + "/", with: ""))
        }
    }

    private mutating func lines<Element: Codable>(
        of file: String, in folder: ModelFolder
    ) throws -> [Element] {
        let lines = try JSONLines<Element>(contentsOf: folder.url(of: file))
        if lines.damagedCount > 0 {
            let lines =
                lines.damagedCount == 1
                ? "1 line cannot be read and is" : "\(lines.damagedCount) lines cannot be read and are"
            notes.append("\(file): \(lines) left out")
        }
        return lines.elements
    }
}

extension Run {
    /// The perplexity of a run after an epoch.
    package struct Result: Equatable, Sendable {
        /// The epoch, counted from 1.
        package var epoch: Int
        package var perplexity: Double
        /// Steps of training since the beginning of the run; nil where they were not counted.
        package var step: Int?

        /// The cost of a token in bits: the base-2 logarithm of the perplexity.
        package var bitsPerToken: Double { log2(perplexity) }
    }

    /// Whether there was a held-out text.
    package var isValidated: Bool { metrics.contains { $0.validationPerplexity != nil } }

    /// The lines of the log whose models are not lost.
    package var savedMetrics: [EpochMetrics] { metrics.filter(saved.includes) }

    /// The perplexities that runs are compared by: of the held-out text, or of the training text if there is none.
    var results: [Result] {
        savedMetrics.compactMap { line in
            let perplexity = isValidated ? line.validationPerplexity : line.perplexity
            return perplexity.flatMap {
                $0.isFinite && $0 > 0 ? Result(epoch: line.epoch, perplexity: $0, step: line.step) : nil
            }
        }
    }

    /// The least perplexity, whether or not the model that had it was kept.
    package var best: Result? { results.min { $0.perplexity < $1.perplexity } }

    /// Whether the folder has the model of the least perplexity.
    package var isBestSaved: Bool {
        guard let step = best?.step else { return false }
        // A best model that does not say of which step it is has been saved by an early version.
        let models = [saved.model?.step, saved.best.map { $0.moment?.step ?? step }]
        return models.contains(step)
    }

    /// The last perplexity.
    package var final: Result? { results.last }

    /// The number of completed passes over the text.
    package var completedEpochs: Int { savedMetrics.last { $0.partOfEpoch == nil }?.epoch ?? 0 }

    /// The number of planned passes over the text.
    package var plannedEpochs: Int? { setting("epochs").flatMap { Int($0) } }

    /// The seconds of training.
    package var seconds: Double? { savedMetrics.last?.seconds }

    /// The training tokens per second.
    package var tokensPerSecond: Double? { savedMetrics.last?.tokensPerSecond }

    /// The value of a setting by its name.
    func setting(_ name: String) -> String? {
        (training + model).first { $0.name == name }?.value
    }

    /// The names of the training texts.
    var textNames: String {
        let names = Setting.textNames.compactMap(setting)
        return names.isEmpty ? Figure.none : names.joined(separator: ", ")
    }

    /// The word for one token.
    var tokenName: String {
        switch setting("corpus.tokens") {
        case "characters": "character"
        case "bytes": "byte"
        case "words": "word"
        case "bpe": "subword"
        default: "token"
        }
    }

    /// The model in a few words, such as "LSTM, 2 layers of 256".
    var modelSummary: String {
        guard let cell = setting("cell"), let size = setting("hiddenSize") else { return Figure.none }
        let name = ["lstm", "gru"].contains(cell) ? cell.uppercased() : cell
        let layers = setting("layerCount").flatMap { $0 == "1" ? nil : "\($0) layers of " } ?? ""
        return "\(name), \(layers)\(size)"
            + (setting("embeddingSize").flatMap { Int($0) }.map { ", embedding of \($0)" } ?? "")
    }

    /// The runs in the order of their best perplexities: first those with a held-out text, last those without a result.
    package static func ranked(_ runs: [Run]) -> [Run] {
        func rank(_ run: Run) -> (Int, Double) {
            run.best.map { (run.isValidated ? 0 : 1, $0.perplexity) } ?? (2, 0)
        }
        return runs.enumerated().sorted { left, right in
            let (first, second) = (rank(left.element), rank(right.element))
            return first == second ? left.offset < right.offset : first < second
        }.map(\.element)
    }
}
