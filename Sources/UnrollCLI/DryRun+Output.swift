import Unroll

extension DryRun: CustomStringConvertible {
    /// A table for people.
    var description: String {
        let shapes = parameters.map { $0.shape.map(String.init).joined(separator: " x ") }
        let nameWidth = (parameters.map(\.name.count).max() ?? 0) + 2
        let shapeWidth = max("shape".count, shapes.map(\.count).max() ?? 0)
        let countWidth = max("numbers".count, Format.grouped(Double(plan.parameterCount)).count) + 2
        func row(_ name: String, _ shape: String, _ count: String) -> String {
            name + String(repeating: " ", count: nameWidth - name.count)
                + String(repeating: " ", count: shapeWidth - shape.count) + shape
                + String(repeating: " ", count: countWidth - count.count) + count
        }
        func grouped(_ count: Int) -> String { Format.grouped(Double(count)) }
        var lines = [row("parameter", "shape", "numbers")]
        for (parameter, shape) in zip(parameters, shapes) {
            lines.append(row(parameter.name, shape, grouped(parameter.shape.reduce(1, *))))
        }
        lines.append(row("all", "", grouped(plan.parameterCount)))
        let epochs = plan.epochs == 1 ? "1 epoch" : "\(grouped(plan.epochs)) epochs"
        let heldOut = plan.validationTokens > 0 ? ", \(grouped(plan.validationTokens)) held out" : ""
        let validation =
            plan.validationTokens == 0 || time.includesValidation ? "" : ", validation left out"
        lines += [
            "",
            "text    \(grouped(plan.trainingTokens)) tokens\(heldOut), \(grouped(plan.vocabularySize)) distinct",
            "memory  \(MemoryEstimate.formatted(memory.needed)); the machine has \(MemoryEstimate.formatted(memory.available))",
            "epoch   \(grouped(tokensPerEpoch)) tokens in \(grouped(minibatchesPerEpoch)) "
                + "\(minibatchesPerEpoch == 1 ? "minibatch" : "minibatches") of \(shape.sequenceLength) x \(shape.batchSize)",
            "run     \(epochs), \(Format.grouped(tokens)) tokens on \(plan.engine)",
            "time    about \(Format.time(time.seconds)) at \(Format.grouped(time.tokensPerSecond)) tokens/s"
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
    let tokensPerSecond: Double
    let seconds: Double
    let includesValidation: Bool

    init(_ run: DryRun) {
        parameters = run.parameters.map {
            Parameter(name: $0.name, shape: $0.shape, count: $0.shape.reduce(1, *))
        }
        parameterCount = run.plan.parameterCount
        memoryBytes = run.memory.needed
        machineMemoryBytes = run.memory.available
        vocabulary = run.plan.vocabularySize
        trainingTokens = run.plan.trainingTokens
        validationTokens = run.plan.validationTokens
        minibatchesPerEpoch = run.minibatchesPerEpoch
        tokensPerEpoch = run.tokensPerEpoch
        epochs = run.plan.epochs
        tokens = run.tokens
        engine = run.plan.engine
        tokensPerSecond = run.time.tokensPerSecond
        seconds = run.time.seconds
        includesValidation = run.time.includesValidation
    }
}
