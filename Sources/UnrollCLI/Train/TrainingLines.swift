import Foundation
import Unroll
import UnrollReports

// The lines of `unroll train --json`. Keys are part of the program's interface.

struct StartedLine: Encodable {
    let event = "started"
    let parameters: Int
    let vocabulary: Int
    let trainingTokens: Int
    let validationTokens: Int
    let epochs: Int
    let completedEpochs: Int
    let engine: String
    // With --engine auto, where it is the CPU.
    let engineReason: String?

    init(_ outline: TrainingOutline) {
        parameters = outline.parameterCount
        vocabulary = outline.vocabularySize
        trainingTokens = outline.trainingTokens
        validationTokens = outline.validationTokens
        epochs = outline.epochs
        completedEpochs = outline.completedEpochs
        engine = outline.engine
        engineReason = outline.engineReason
    }
}

struct BaselinesLine: Encodable {
    let event = "baselines"
    let heldOut: Bool
    let uniformPerplexity: Double
    let unigramPerplexity: Double
    let fiveGramPerplexity: Nullable<Double>
    let xzPerplexity: Nullable<Double>
    let countedTokens: Nullable<Int>

    init(_ baselines: Baselines) {
        heldOut = baselines.isHeldOut
        uniformPerplexity = exp(baselines.uniform)
        unigramPerplexity = exp(baselines.unigram)
        fiveGramPerplexity = Nullable(baselines.fiveGram.map(exp))
        xzPerplexity = Nullable(baselines.xz.map(exp))
        countedTokens = Nullable(baselines.countedTokens)
    }
}

struct EpochLine: Encodable {
    /// Either `epoch`, at its end or that of the run, or `validation` inside one.
    let event: String
    let epoch: Int
    let perplexity: Double
    let validationPerplexity: Nullable<Double>
    let gradientNorm: Double
    let tokensPerSecond: Double
    let seconds: Double
    let step: Int?
    let learningRate: Float?
    let partOfEpoch: Double?
    // With several processes alone.
    let communicationShare: Double?

    init(_ report: EpochReport, isEnd: Bool) {
        event = isEnd ? "epoch" : "validation"
        epoch = report.epoch
        perplexity = report.perplexity
        validationPerplexity = Nullable(report.validationPerplexity)
        gradientNorm = report.gradientNorm
        tokensPerSecond = report.tokensPerSecond
        seconds = report.seconds
        step = report.step
        learningRate = report.learningRate
        partOfEpoch = report.partOfEpoch
        communicationShare = report.communicationShare
    }
}

struct NoticeLine: Encodable {
    let event = "notice"
    let notice: TrainingNotice.Kind
    let text: String

    init(_ notice: TrainingNotice) {
        self.notice = notice.kind
        text = Hint.described(notice)
    }
}

struct CheckpointLine: Encodable {
    let event = "checkpoint"
    let step: Int
    let pausedSeconds: Double

    init(_ note: CheckpointNote) {
        step = note.step
        pausedSeconds = note.pausedSeconds
    }
}

struct SampleLine: Encodable {
    let event = "sample"
    let prompt: String
    let text: String
}

struct InterruptedLine: Encodable {
    let event = "interrupted"
    let model: String
}

struct FinishedLine: Encodable {
    let event = "finished"
    let epochs: Int
    let perplexity: Double
    let tokensPerSecond: Double
    let validationPerplexity: Nullable<Double>
    let model: String
    // With a text to test on alone.
    let testPerplexity: Double?
    // With a text to validate on alone.
    let bestValidationPerplexity: Double?
    let bestEpoch: Int?
    let best: String?
    let stoppedEarly: Bool?

    init(_ summary: TrainingSummary, model: String, best: String) {
        epochs = summary.epochs
        perplexity = summary.perplexity
        tokensPerSecond = summary.tokensPerSecond
        validationPerplexity = Nullable(summary.validationPerplexity)
        self.model = model
        testPerplexity = summary.testPerplexity
        bestValidationPerplexity = summary.best?.perplexity
        bestEpoch = summary.best?.epoch
        self.best = summary.best == nil ? nil : best
        stoppedEarly = summary.best == nil ? nil : summary.isStoppedEarly
    }
}

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

    /// The baselines with their losses in nats, those that could be computed.
    private var figures: [(name: String, nats: Double)] {
        [
            ("uniform", baselines.uniform), ("unigram", baselines.unigram), ("5-gram", baselines.fiveGram),
            ("xz", baselines.xz),
        ].compactMap { name, nats in nats.map { (name, $0) } }
    }

    private var perplexities: String {
        figures.map { "\($0.name) \(NumberFormat.decimal(exp($0.nats)))" }.joined(separator: ", ")
    }

    /// What a model is worth that predicts the held-out text so well; nil without one.
    func verdict(onValidation perplexity: Double, kind: TokenKind) -> String? {
        guard baselines.isHeldOut else { return nil }
        let unit = kind == .characters ? "character" : kind == .bytes ? "byte" : "token"
        var bits = "\(NumberFormat.fixed(log2(perplexity), decimals: 3)) bits a \(unit)"
        if kind == .subwords, let bytes = baselines.bytesPerToken {
            bits += ", \(NumberFormat.fixed(log2(perplexity) / bytes, decimals: 3)) a byte"
        }
        let better = figures.filter { $0.nats <= log(perplexity) }.map(\.name)
        let end =
            better.isEmpty
            ? "better than all of them"
            : "no better than \(better.joined(separator: " and ")): more text, or more minutes, may help"
        return
            "on the held-out text the best model has perplexity \(NumberFormat.decimal(perplexity)), \(bits); "
            + "\(perplexities): \(end)"
    }

    /// One line for people.
    var description: String {
        var description =
            "perplexity of baselines on the \(baselines.isHeldOut ? "held-out" : "training") text: "
            + perplexities
        if baselines.isHeldOut, baselines.xz == nil { description += ", xz not installed" }
        if let count = baselines.countedTokens {
            description +=
                " (from the last \(NumberFormat.grouped(Double(count))) tokens of the training text)"
        }
        return description
    }
}
