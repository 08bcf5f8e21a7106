import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText
import UnrollTraining

/// Each option, set in different runs: either something comes out differently, or it is refused, or the run says so.
@Suite struct OptionEffectTests {
    private struct Setup {
        var model = ModelConfiguration(hiddenSize: 5)
        var options = TestTraining.options(epochs: 3)
    }

    private typealias Change = @Sendable (inout Setup) -> Void

    /// What a run came to, in bits.
    private struct Outcome: Equatable {
        var parameters: [String: [UInt32]] = [:]
        var reports: [[UInt64]] = []
        var error = ""
        var saysWithoutEffect = false
        /// The surprisal of a text by the model, in bits; nil where that is not a number.
        var surprisal: UInt64?

        static func == (a: Outcome, b: Outcome) -> Bool {
            a.parameters == b.parameters && a.reports == b.reports && a.error == b.error
                && a.surprisal == b.surprisal
        }
    }

    private static let runs: [(name: String, change: Change)] = [
        ("sequential, held out", { $0.options.validationFraction = 0.25 }),
        ("consecutive", { $0.options.partitioning = .consecutive }),
        (
            "random, lstm",
            {
                $0.options.partitioning = .random
                ($0.model.cell, $0.model.embeddingSize) = (LSTMCell.self, 5)
            }
        ),
        (
            "windows, gru",
            {
                ($0.options.partitioning, $0.options.trainingWindows) = (.windows, 40)
                $0.model.cell = GRUCell.self
            }
        ),
        ("one step", { ($0.options.partitioning, $0.options.sequenceLength) = (.random, 1) }),
        (
            "one step, lstm",
            {
                ($0.options.partitioning, $0.options.sequenceLength) = (.random, 1)
                $0.model.cell = LSTMCell.self
            }
        ),
        ("one step, stateful", { ($0.options.sequenceLength, $0.model.cell) = (1, LSTMCell.self) }),
    ]

    /// The key in JSON, what it is compared with, and the change.
    private static let changes: [(key: String, from: Change, change: Change)] = [
        ("cell", { _ in }, { $0.model.cell = $0.model.cell == GRUCell.self ? TanhCell.self : GRUCell.self }),
        ("hiddenSize", { _ in }, { $0.model.hiddenSize = 6 }),
        ("layerCount", { _ in }, { $0.model.layerCount = 2 }),
        ("embeddingSize", { _ in }, { $0.model.embeddingSize = 4 }),
        ("tiesWeights", { _ in }, { $0.model.tiesWeights = true }),
        ("hasSingleBias", { _ in }, { $0.model.hasSingleBias = true }),
        ("zoneout.output", { _ in }, { $0.model.zoneout.output = 0.3 }),
        ("zoneout.memory", { _ in }, { $0.model.zoneout.memory = 0.3 }),
        ("ngrams.order", { _ in }, { $0.model.ngrams = NGramConfiguration(order: 3) }),
        (
            "ngrams.weight", { $0.model.ngrams = NGramConfiguration(order: 3) },
            { $0.model.ngrams?.weight = 0.2 }
        ),
        ("epochs", { _ in }, { $0.options.epochs = 4 }),
        ("maxSteps", { _ in }, { $0.options.maxSteps = 2 }),
        ("batchSize", { _ in }, { $0.options.batchSize = 3 }),
        ("shards", { _ in }, { $0.options.shards = 2 }),
        ("sequenceLength", { _ in }, { $0.options.sequenceLength += 2 }),
        (
            "partitioning", { _ in },
            { $0.options.partitioning = $0.options.partitioning == .random ? .sequential : .random }
        ),
        ("statefulEpochs", { _ in }, { $0.options.statefulEpochs = 1 }),
        ("trainingWindows", { _ in }, { $0.options.trainingWindows = 30 }),
        ("validationWindows", { _ in }, { $0.options.validationWindows = 20 }),
        ("validationFraction", { _ in }, { $0.options.validationFraction = 0.3 }),
        ("testFraction", { _ in }, { $0.options.testFraction = 0.1 }),
        ("validationSteps", { _ in }, { $0.options.validationSteps = 2 }),
        (
            "earlyStopping.patience", { _ in },
            { $0.options.earlyStopping = EarlyStopping(patience: 1, minimumImprovement: 0.9) }
        ),
        (
            "earlyStopping.minimumImprovement", { $0.options.earlyStopping = EarlyStopping(patience: 1) },
            { $0.options.earlyStopping?.minimumImprovement = 0.9 }
        ),
        (
            "earlyStopping.minimumEpochs",
            {
                $0.options.epochs = 9
                $0.options.earlyStopping = EarlyStopping(patience: 1, minimumImprovement: 0.9)
            }, { $0.options.earlyStopping?.minimumEpochs = 6 }
        ),
        ("optimizer.rule", { _ in }, { $0.options.optimizer.rule = .momentum() }),
        ("optimizer.learningRate", { _ in }, { $0.options.optimizer.learningRate = 0.5 }),
        ("optimizer.maxGradientNorm", { _ in }, { $0.options.optimizer.maxGradientNorm = 0.01 }),
        ("optimizer.weightDecay", { _ in }, { $0.options.optimizer.weightDecay = 0.1 }),
        ("optimizer.averaging", { _ in }, { $0.options.optimizer.averaging = .mean }),
        (
            "optimizer.averagingDecay", { _ in },
            { $0.options.optimizer.averaging = .exponential(decay: 0.9) }
        ),
        (
            "optimizer.momentum", { $0.options.optimizer.rule = .momentum(0.5) },
            { $0.options.optimizer.rule = .momentum(0.6) }
        ),
        (
            "optimizer.decay", { $0.options.optimizer.rule = .rmsprop(decay: 0.9) },
            { $0.options.optimizer.rule = .rmsprop(decay: 0.8) }
        ),
        (
            "optimizer.epsilon", { $0.options.optimizer.rule = .rmsprop(epsilon: 0.1) },
            { $0.options.optimizer.rule = .rmsprop(epsilon: 0.2) }
        ),
        (
            "optimizer.beta1", { $0.options.optimizer.rule = .adam(beta1: 0.8) },
            { $0.options.optimizer.rule = .adam(beta1: 0.7) }
        ),
        (
            "optimizer.beta2", { $0.options.optimizer.rule = .adamw(beta2: 0.8) },
            { $0.options.optimizer.rule = .adamw(beta2: 0.7) }
        ),
        ("schedule.decay", { _ in }, { $0.options.schedule.decay = .exponential() }),
        ("schedule.warmUpSteps", { _ in }, { $0.options.schedule.warmUpSteps = 3 }),
        ("schedule.epochs", { _ in }, { $0.options.schedule.decay = .step(epochs: 2) }),
        (
            "schedule.factor", { $0.options.schedule.decay = .exponential(factor: 0.5) },
            { $0.options.schedule.decay = .exponential(factor: 0.6) }
        ),
        (
            "schedule.finalRate", { $0.options.schedule.decay = .cosine() },
            { $0.options.schedule.decay = .cosine(finalRate: 0.5) }
        ),
        (
            "schedule.patience", { $0.options.schedule.decay = .plateau(patience: 0, threshold: 0.9) },
            { $0.options.schedule.decay = .plateau(patience: 1, threshold: 0.9) }
        ),
        (
            "schedule.threshold", { $0.options.schedule.decay = .plateau(patience: 0, threshold: 0) },
            { $0.options.schedule.decay = .plateau(patience: 0, threshold: 0.9) }
        ),
        (
            "averagingPatience", { $0.options.optimizer.averaging = .mean },
            { $0.options.averagingPatience = 1 }
        ),
        (
            "maxRecoveries", { $0.options.optimizer.learningRate = 1e30 }, { $0.options.maxRecoveries = 1 }
        ),
        ("regularization.dropout", { _ in }, { $0.options.regularization.dropout = 0.3 }),
        (
            "regularization.usesVariationalDropout", { $0.options.regularization.dropout = 0.3 },
            { $0.options.regularization.usesVariationalDropout = true }
        ),
        ("regularization.embeddingDropout", { _ in }, { $0.options.regularization.embeddingDropout = 0.3 }),
        ("regularization.weightDrop", { _ in }, { $0.options.regularization.weightDrop = 0.3 }),
        ("regularization.labelSmoothing", { _ in }, { $0.options.regularization.labelSmoothing = 0.3 }),
        ("initializer", { _ in }, { $0.options.initializer = .orthogonal }),
        ("seed", { _ in }, { $0.options.seed = 99 }),
        ("precision", { _ in }, { $0.options.precision = .bfloat16 }),
    ]

    /// A run's outcome, that it was refused included.
    private static func outcome(_ setup: Setup, on corpus: Corpus) async throws -> Outcome {
        var outcome = Outcome()
        let trainer: Trainer
        do {
            trainer = try Trainer(
                corpus: corpus, model: setup.model, options: setup.options, engine: .cpu(threads: 1))
        } catch let error as ParameterError {
            outcome.error = "refused: \(error)"
            return outcome
        }
        do {
            for try await event in trainer.run() {
                switch event {
                case .epoch(let report), .validation(let report):
                    outcome.reports.append(
                        [report.perplexity, report.validationPerplexity ?? -1].map(\.bitPattern))
                case .finished(let summary):
                    outcome.reports.append([(summary.testPerplexity ?? -1).bitPattern])
                case .notice(let notice) where notice.kind == .withoutEffect:
                    outcome.saysWithoutEffect = true
                default: break
                }
            }
        } catch let error as TrainingError {
            outcome.error = "\(error)"
        }
        let model = try trainer.languageModel()
        outcome.surprisal = try? model.score("the time machine").nats.bitPattern
        for entry in model.parameters.entries {
            outcome.parameters[entry.name] = entry.values.map(\.bitPattern)
        }
        return outcome
    }

    @Test(arguments: Self.runs.indices)
    func everyOptionHasAnEffectOrIsRefused(run: Int) async throws {
        let corpus = try TestTraining.corpus(length: 160)
        let (name, prepare) = Self.runs[run]
        for (key, from, change) in Self.changes {
            var before = Setup()
            prepare(&before)
            from(&before)
            let expected = try await Self.outcome(before, on: corpus)
            // An option that is compared with one that is refused there itself.
            guard !expected.error.hasPrefix("refused") else { continue }
            var after = before
            change(&after)
            let found = try await Self.outcome(after, on: corpus)
            #expect(found != expected || found.saysWithoutEffect, "\(name): \(key)")
        }
    }

    @Test func noOptionIsForgotten() throws {
        func leaves(_ value: JSONValue, at path: String) -> Set<String> {
            guard case .object(let members) = value else { return [path] }
            return members.reduce(into: []) { all, member in
                all.formUnion(leaves(member.value, at: path.isEmpty ? member.key : "\(path).\(member.key)"))
            }
        }
        var keys = leaves(
            try JSONValue(encoding: ModelConfiguration(ngrams: NGramConfiguration())), at: "")
        var options = TrainingOptions(earlyStopping: EarlyStopping(patience: 1))
        (options.trainingWindows, options.validationWindows, options.statefulEpochs) = (1, 1, 1)
        (options.validationFraction, options.testFraction, options.validationSteps) = (0.1, 0.1, 1)
        (options.averagingPatience, options.maxSteps) = (1, 1)
        for averaging in [.mean, .exponential(decay: 0.5)] as [Optimizer.Averaging] {
            options.optimizer.averaging = averaging
            for (rule, decay) in zip(Optimizer.Rule.all, LearningRateSchedule.Decay.all + [.constant]) {
                (options.optimizer.rule, options.schedule.decay) = (rule, decay)
                keys.formUnion(leaves(try JSONValue(encoding: options), at: ""))
            }
        }
        #expect(keys == Set(Self.changes.map(\.key)))
    }

    // MARK: Refused by name

    private func refuse(
        _ parameter: String, _ change: Change, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        expectParameterError(parameter, sourceLocation: sourceLocation) {
            var setup = Setup()
            change(&setup)
            _ = try Trainer(corpus: TestTraining.corpus(), model: setup.model, options: setup.options)
        }
    }

    @Test func optionsWithoutEffectAreRefused() throws {
        for cell in [TanhCell.self, ReLUCell.self, GRUCell.self] as [any RecurrentCell.Type] {
            refuse("zoneout.memory") { ($0.model.cell, $0.model.zoneout.memory) = (cell, 0.5) }
        }
        refuse("usesVariationalDropout") { $0.options.regularization.usesVariationalDropout = true }
        refuse("usesVariationalDropout") {
            $0.options.sequenceLength = 1
            $0.options.regularization = Regularization(dropout: 0.3, usesVariationalDropout: true)
        }
        refuse("weightDrop") {
            ($0.options.sequenceLength, $0.options.partitioning) = (1, .random)
            $0.options.regularization.weightDrop = 0.3
        }
        refuse("embeddingDropout") { $0.options.regularization.embeddingDropout = 0.3 }
        refuse("averagingPatience") {
            ($0.options.averagingPatience, $0.options.validationFraction) = (5, 0.2)
        }
        refuse("averagingDecay") { $0.options.optimizer.averaging = .exponential(decay: 0) }
        refuse("finalRate") { $0.options.schedule.decay = .cosine(finalRate: 1) }
        for decay in [.step(factor: 1), .exponential(factor: 1), .plateau(factor: 1)]
            as [LearningRateSchedule.Decay]
        {
            refuse("factor") { $0.options.schedule.decay = decay }
        }
        let error = ParameterError.needs(parameter: "zoneout.memory", other: "cell", values: ["lstm"])
        #expect(throws: error) {
            try TrainingOptions().check(for: ModelConfiguration(zoneout: Zoneout(memory: 0.5)))
        }
    }

    /// A cell of one's own may have several states.
    @Test func optionsWithAnEffectAreNot() throws {
        try TrainingOptions().check(
            for: ModelConfiguration(cell: LSTMCell.self, zoneout: Zoneout(memory: 0.5)))
        var options = TrainingOptions(sequenceLength: 1)
        options.regularization.weightDrop = 0.5
        try options.check(for: ModelConfiguration())
        options.partitioning = .consecutive
        try options.check(for: ModelConfiguration())
        options.statefulEpochs = 0
        expectParameterError("weightDrop") { try options.check(for: ModelConfiguration()) }
    }

    @Test func countsThatTheRunDoesNotReachAreSaid() async throws {
        var options = TestTraining.options(epochs: 2, validationFraction: 0.2)
        options.statefulEpochs = 2
        options.validationSteps = 1_000
        options.schedule.decay = .step(epochs: 5)
        options.earlyStopping = EarlyStopping(patience: 1, minimumEpochs: 3)
        let trainer = try Trainer(corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
        let notices = try await trainer.runToEnd().notices.filter { $0.kind == .withoutEffect }
        let text = notices.map(\.description).joined(separator: "\n")
        for part in [
            "statefulEpochs is 2", "minimumEpochs is 3", "decay.epochs is 5", "the run has 2 epochs",
            "validationSteps is 1000, which has no effect: an epoch has 23 minibatches",
        ] {
            #expect(text.contains(part), "\(text)")
        }
        #expect(notices.count == 4)
    }
}
