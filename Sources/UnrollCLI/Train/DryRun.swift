import Unroll
import UnrollTraining

/// What a run would be, found out by beginning it and saving nothing.
struct DryRun {
    /// Names and shapes of the parameters, as a model folder has them.
    let parameters: [(name: String, shape: [Int])]
    /// Bytes that training takes, and that there are.
    let memory: (needed: Double, available: Double)
    /// What has that memory.
    let memoryOwner: String
    /// The options of the run.
    let options: TrainingOptions
    let minibatchesPerEpoch: Int
    let tokensPerEpoch: Int
    let time: TimeEstimate
    private let tokensOfSteps: Double

    private var outline: TrainingOutline { time.outline }

    /// The tokens of all epochs, or of as many steps as the run has at most.
    var tokens: Double { min(Double(outline.epochs) * Double(tokensPerEpoch), tokensOfSteps) }

    /// Trains for about a second; the trainer is of no use for a real run then.
    init(_ trainer: Trainer) async throws {
        let (model, training) = (trainer.configuration, trainer.parts.training)
        options = trainer.options
        tokensOfSteps =
            options.maxSteps.map { [options] in
                Double($0) * Double(options.sequenceLength) * Double(options.wholeBatchSize)
            } ?? .infinity
        parameters = model.parameterShapes(vocabularySize: training.vocabulary.count)
        memory = try trainer.memory
        memoryOwner = if case .cuda = trainer.engine.kind { "GPU" } else { "machine" }
        let minibatches = try options.partitioning.minibatches(
            of: training.tokens, batchSize: options.wholeBatchSize, sequenceLength: options.sequenceLength,
            seed: options.seed, epoch: 0, windowCount: options.trainingWindows)
        minibatchesPerEpoch = minibatches.count
        // The last one may have fewer sequences.
        var (first, last) = (Minibatch(), Minibatch())
        minibatches.fill(&first, at: 0)
        minibatches.fill(&last, at: minibatches.count - 1)
        tokensPerEpoch = (minibatches.count - 1) * first.tokenCount + last.tokenCount
        time = try await TimeEstimate.measured(trainer)
    }
}

extension DryRun: CustomStringConvertible {
    /// A table for people.
    var description: String {
        let shapes = parameters.map { $0.shape.map(String.init).joined(separator: " x ") }
        let nameWidth = (parameters.map(\.name.count).max() ?? 0) + 2
        let shapeWidth = max("shape".count, shapes.map(\.count).max() ?? 0)
        let countWidth = max("numbers".count, NumberFormat.grouped(Double(outline.parameterCount)).count) + 2
        func row(_ name: String, _ shape: String, _ count: String) -> String {
            name + String(repeating: " ", count: nameWidth - name.count)
                + String(repeating: " ", count: shapeWidth - shape.count) + shape
                + String(repeating: " ", count: countWidth - count.count) + count
        }
        func grouped(_ count: Int) -> String { NumberFormat.grouped(Double(count)) }
        var lines = [row("parameter", "shape", "numbers")]
        for (parameter, shape) in zip(parameters, shapes) {
            lines.append(row(parameter.name, shape, grouped(parameter.shape.reduce(1, *))))
        }
        lines.append(row("all", "", grouped(outline.parameterCount)))
        let epochs = outline.epochs == 1 ? "1 epoch" : "\(grouped(outline.epochs)) epochs"
        let heldOut = outline.validationTokens > 0 ? ", \(grouped(outline.validationTokens)) held out" : ""
        let validation =
            outline.validationTokens == 0 || time.includesValidation ? "" : ", validation left out"
        lines += [
            "",
            "text    \(grouped(outline.trainingTokens)) tokens\(heldOut), \(grouped(outline.vocabularySize)) distinct",
            "memory  \(MemoryEstimate.formatted(memory.needed)); the \(memoryOwner) has \(MemoryEstimate.formatted(memory.available))",
            "epoch   \(grouped(tokensPerEpoch)) tokens in \(grouped(minibatchesPerEpoch)) "
                + "\(minibatchesPerEpoch == 1 ? "minibatch" : "minibatches") of \(options.shapeOfMinibatch)",
            "run     \(epochs), \(NumberFormat.grouped(tokens)) tokens on \(outline.chosenEngine)",
            "time    about \(NumberFormat.time(time.seconds)) at \(NumberFormat.grouped(time.tokensPerSecond)) tokens/s"
                + validation,
        ]
        return lines.joined(separator: "\n")
    }

    var line: DryRunLine { DryRunLine(self) }
}

/// What `unroll train --dry-run --json` says; keys are part of the program's interface.
struct DryRunLine: Encodable {
    struct Parameter: Encodable {
        let name: String
        let shape: [Int]
        let count: Int
    }

    let event = "dryRun"
    let parameters: [Parameter]
    let parameterCount: Int
    let memoryBytes: Double
    let machineMemoryBytes: Double
    let vocabulary: Int
    let trainingTokens: Int
    let validationTokens: Int
    let minibatchesPerEpoch: Int
    let tokensPerEpoch: Int
    let epochs: Int
    let tokens: Double
    let engine: String
    let engineReason: String?
    let tokensPerSecond: Double
    let seconds: Double
    let includesValidation: Bool

    init(_ run: DryRun) {
        parameters = run.parameters.map {
            Parameter(name: $0.name, shape: $0.shape, count: $0.shape.reduce(1, *))
        }
        parameterCount = run.time.outline.parameterCount
        memoryBytes = run.memory.needed
        machineMemoryBytes = run.memory.available
        vocabulary = run.time.outline.vocabularySize
        trainingTokens = run.time.outline.trainingTokens
        validationTokens = run.time.outline.validationTokens
        minibatchesPerEpoch = run.minibatchesPerEpoch
        tokensPerEpoch = run.tokensPerEpoch
        epochs = run.time.outline.epochs
        tokens = run.tokens
        engine = run.time.outline.engine
        engineReason = run.time.outline.engineReason
        tokensPerSecond = run.time.tokensPerSecond
        seconds = run.time.seconds
        includesValidation = run.time.includesValidation
    }
}
