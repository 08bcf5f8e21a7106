import Unroll
import UnrollBaselines

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

    init(_ plan: TrainingPlan) {
        parameters = plan.parameterCount
        vocabulary = plan.vocabularySize
        trainingTokens = plan.trainingTokens
        validationTokens = plan.validationTokens
        epochs = plan.epochs
        completedEpochs = plan.completedEpochs
        engine = plan.engine
    }
}

/// Nats per token.
struct BaselinesLine: Encodable {
    let event = "baselines"
    let heldOut: Bool
    let uniform: Double
    let unigram: Double
    let fiveGram: Nullable<Double>
    let xz: Nullable<Double>
    let countedTokens: Nullable<Int>

    init(_ baselines: Baselines) {
        heldOut = baselines.isHeldOut
        uniform = baselines.uniform
        unigram = baselines.unigram
        fiveGram = Nullable(baselines.fiveGram)
        xz = Nullable(baselines.xz)
        countedTokens = Nullable(baselines.countedTokens)
    }
}

struct EpochLine: Encodable {
    let event = "epoch"
    let epoch: Int
    let perplexity: Double
    let validationPerplexity: Nullable<Double>
    let gradientNorm: Double
    let tokensPerSecond: Double
    let seconds: Double

    init(_ report: EpochReport) {
        epoch = report.epoch
        perplexity = report.perplexity
        validationPerplexity = Nullable(report.validationPerplexity)
        gradientNorm = report.gradientNorm
        tokensPerSecond = report.tokensPerSecond
        seconds = report.seconds
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

    init(_ summary: TrainingSummary, model: String) {
        epochs = summary.epochs
        perplexity = summary.perplexity
        tokensPerSecond = summary.tokensPerSecond
        validationPerplexity = Nullable(summary.validationPerplexity)
        self.model = model
    }
}
