import Foundation

extension Run {
    /// The perplexity that a run is judged by, after one of its epochs.
    package struct Result: Equatable, Sendable {
        /// The epoch, counted from 1.
        package var epoch: Int
        package var perplexity: Double

        /// The logarithm to base 2: what a token costs.
        package var bitsPerToken: Double { log2(perplexity) }
    }

    /// Whether any text was held out.
    package var isValidated: Bool { metrics.contains { $0.validationPerplexity != nil } }

    /// The perplexities by which runs are compared: of the held-out text or, if there is none, in training.
    var results: [Result] {
        metrics.compactMap { line in
            let perplexity = isValidated ? line.validationPerplexity : line.perplexity
            return perplexity.flatMap {
                $0.isFinite && $0 > 0 ? Result(epoch: line.epoch, perplexity: $0) : nil
            }
        }
    }

    /// The least perplexity.
    package var best: Result? { results.min { $0.perplexity < $1.perplexity } }

    /// The perplexity in the end.
    package var final: Result? { results.last }

    /// Passes over the text that are done.
    package var completedEpochs: Int { metrics.last { $0.partOfEpoch == nil }?.epoch ?? 0 }

    /// Passes over the text that the run was to make.
    package var plannedEpochs: Int? { setting("epochs").flatMap { Int($0) } }

    /// Seconds of training.
    package var seconds: Double? { metrics.last?.seconds }

    /// Tokens trained on in a second of training.
    package var tokensPerSecond: Double? { metrics.last?.tokensPerSecond }

    /// The value of a setting by its name.
    func setting(_ name: String) -> String? {
        (training + model).first { $0.name == name }?.value
    }

    /// The names of the texts that are learned.
    var textNames: String {
        let names = Setting.textNames.compactMap(setting)
        return names.isEmpty ? Figure.none : names.joined(separator: ", ")
    }

    /// What one token is, in the singular.
    var tokenName: String {
        switch setting("corpus.tokens") {
        case "characters": "character"
        case "bytes": "byte"
        case "words": "word"
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

    /// Runs by the best perplexity: first those that held text out, last those without a result.
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
