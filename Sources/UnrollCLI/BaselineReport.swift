import Foundation
import Unroll
import UnrollReports

/// What a perplexity of this run is to be read beside.
struct BaselineReport {
    private let baselines: Baselines

    /// Looks at the parts of a text that train and validate.
    init(_ parts: CorpusSplit) async {
        if let validation = parts.validation {
            baselines = await Baselines(training: parts.training, heldOut: validation)
        } else {
            baselines = Baselines(training: parts.training)
        }
    }

    var line: BaselinesLine { BaselinesLine(baselines) }

    /// One line for people.
    var description: String {
        func perplexity(_ name: String, _ nats: Double) -> String { "\(name) \(Format.decimal(exp(nats)))" }
        var figures = [
            perplexity("uniform", baselines.uniform), perplexity("unigram", baselines.unigram),
        ]
        if let fiveGram = baselines.fiveGram {
            figures.append(perplexity("5-gram", fiveGram))
            figures.append(baselines.xz.map { perplexity("xz", $0) } ?? "xz not installed")
        }
        var description =
            "perplexity of baselines on the \(baselines.isHeldOut ? "held-out" : "training") text: "
            + figures.joined(separator: ", ")
        if let count = baselines.countedTokens {
            description += " (from the last \(Format.grouped(Double(count))) tokens of the training text)"
        }
        return description
    }
}
