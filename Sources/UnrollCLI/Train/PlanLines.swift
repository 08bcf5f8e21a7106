import Unroll
import UnrollTraining

extension TrainCommand {
    /// Prints a plan before it begins.
    func show(_ plan: TrainingPlan, of corpus: Corpus) throws {
        guard !json else { return try JSONLine.write(PlanLine(plan, corpus)) }
        for line in plan.lines(of: corpus) { Standard.error.say(line) }
    }
}

extension TrainingPlan {
    /// Five lines for people.
    func lines(of corpus: Corpus) -> [String] {
        func grouped(_ count: Int) -> String { NumberFormat.grouped(Double(count)) }
        let size = model.layerCount == 1 ? "1 layer" : "\(model.layerCount) layers"
        let dropout = options.regularization.dropout
        let kind = corpus.vocabulary.kind == .subwords ? "subwords" : corpus.vocabulary.kind.rawValue
        let rate = NumberFormat.significant(Double(options.optimizer.learningRate))
        let epochsText =
            epochs < 10 ? NumberFormat.fixed(epochs, decimals: 1) : grouped(Int(epochs.rounded()))
        return [
            "plan     for \(NumberFormat.significant(minutes)) \(minutes == 1 ? "minute" : "minutes") on \(engine); options that are given win",
            "text     \(grouped(corpus.tokens.count)) \(kind), "
                + "\(grouped(corpus.vocabulary.count)) distinct; "
                + (heldOutTokens > 0 ? "\(grouped(heldOutTokens)) are held out" : "none is held out"),
            "model    \(model.cell.name), \(size) of \(grouped(model.hiddenSize)) hidden units, "
                + "\(grouped(parameterCount)) parameters"
                + (model.embeddingSize.map {
                    ", embedding of \(grouped($0))\(model.tiesWeights ? " tied to the output" : "")"
                } ?? "")
                + (model.ngrams.map { ", n-grams of up to \($0.order)" } ?? "")
                + (dropout > 0 ? ", dropout \(NumberFormat.significant(Double(dropout)))" : ""),
            "training \(epochsText) epochs, \(grouped(steps)) minibatches of \(options.shapeOfMinibatch); "
                + "\(options.optimizer.rule.name) at \(rate), \(options.schedule.decay.name)",
            "time     about \(NumberFormat.time(seconds)) at \(NumberFormat.grouped(tokensPerSecond)) tokens/s",
        ]
    }
}

extension TrainingOptions {
    /// Steps and sequences of a minibatch, `T x B`, for people.
    var shapeOfMinibatch: String {
        shards == 1
            ? "\(sequenceLength) x \(batchSize)"
            : "\(sequenceLength) x \(wholeBatchSize) in \(shards) shards"
    }
}

/// What `unroll train --json` says of a plan; keys are part of the program's interface.
struct PlanLine: Encodable {
    let event = "plan"
    let minutes: Double
    let model: ModelConfiguration
    let training: TrainingOptions
    let tokens: String
    let vocabulary: Int
    let trainingTokens: Int
    let heldOutTokens: Int
    let steps: Int
    let epochs: Double
    let tokensPerSecond: Double
    let seconds: Double
    let engine: String

    init(_ plan: TrainingPlan, _ corpus: Corpus) {
        minutes = plan.minutes
        model = plan.model
        training = plan.options
        tokens = corpus.vocabulary.kind.rawValue
        vocabulary = corpus.vocabulary.count
        trainingTokens = plan.trainingTokens
        heldOutTokens = plan.heldOutTokens
        steps = plan.steps
        epochs = plan.epochs
        tokensPerSecond = plan.tokensPerSecond
        seconds = plan.seconds
        engine = plan.engine
    }
}
