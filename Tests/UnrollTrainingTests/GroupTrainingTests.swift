import Foundation
import Testing
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Runs of several processes, which are threads here: the bits of one process, and one end for all.
@Suite struct GroupTrainingTests {
    private let folder: TemporaryFolder
    private let corpus: Corpus

    init() throws {
        folder = try TemporaryFolder()
        corpus = try TestTraining.corpus()
    }

    /// A run with everything that processes share out or decide: shards, masks, validation, averaging, early stopping.
    struct Setting: CustomTestStringConvertible, Sendable {
        let name: String
        var model = TestTraining.model
        var options: TrainingOptions

        var testDescription: String { name }

        init(
            _ name: String, _ partitioning: Partitioning,
            _ change: (inout ModelConfiguration, inout TrainingOptions) -> Void
        ) {
            self.name = name
            options = TestTraining.options(
                epochs: 3, partitioning: partitioning,
                validationFraction: partitioning == .windows ? nil : 0.2)
            options.shards = 5
            options.batchSize = 2
            change(&model, &options)
        }
    }

    private static let settings = [
        Setting("tanh, windows whose last minibatch is not full", .windows) { _, options in
            options.trainingWindows = 43
            options.validationWindows = 20
            options.schedule = .init(.plateau(factor: 0.5, patience: 0))
        },
        Setting("LSTM, averaging and early stopping", .sequential) { model, options in
            model = ModelConfiguration(
                cell: LSTMCell.self, hiddenSize: 6, zoneout: .init(output: 0.1, memory: 0.3))
            options.optimizer = Optimizer(rule: .sgd, learningRate: 6, averaging: .mean)
            options.averagingPatience = 1
            options.validationSteps = 3
            options.testFraction = 0.1
            options.epochs = 12
            options.earlyStopping = EarlyStopping(patience: 4)
        },
        Setting("two layers with dropout", .random) { model, options in
            model = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 5, layerCount: 2)
            options.regularization = Regularization(dropout: 0.3, weightDrop: 0.2)
            options.optimizer = Optimizer(
                rule: .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8), learningRate: 0.02,
                averaging: .exponential(decay: 0.9))
        },
    ]

    private func trainer(_ setting: Setting, in group: (any ProcessGroup)?) throws -> Trainer {
        try Trainer(
            corpus: corpus, model: setting.model, options: setting.options,
            engine: .cpu(threads: 1 + (group?.rank ?? 0) % 2), group: group)
    }

    @Test(arguments: settings, [2, 3, 5])
    func bitsDoNotDependOnTheNumberOfProcesses(setting: Setting, size: Int) throws {
        let alone = try TrainingGroup.train(1, to: folder("alone")) { try trainer(setting, in: $0) }[0]
        let together = try TrainingGroup.train(size, to: folder("together")) { try trainer(setting, in: $0) }
        #expect(try Snapshot(of: folder("together")) == Snapshot(of: folder("alone")))
        #expect(alone.reports.count > 1)
        // Every process knows all that has come of it.
        for events in together {
            #expect(events.results == alone.results)
            #expect(events.summary == alone.summary)
        }
    }

    @Test(arguments: settings) func aRunGoesOnWithOtherNumbersOfProcesses(setting: Setting) throws {
        let model = folder("model")
        try TrainingGroup.train(1, to: folder("alone")) { try trainer(setting, in: $0) }
        _ = LocalProcessGroup.runTasks(2) { group in
            try await interrupted(try trainer(setting, in: group), in: group, by: 1, savedTo: model)
        }
        #expect(try Snapshot(of: model) != Snapshot(of: folder("alone")))
        let resumed: @Sendable (LocalProcessGroup) throws -> Trainer = { group in
            try Trainer(resuming: model, corpus: corpus, engine: .cpu(threads: 1), group: group)
        }
        _ = LocalProcessGroup.runTasks(3) { group in
            try await interrupted(try resumed(group), in: group, by: 0, savedTo: model)
        }
        try TrainingGroup.train(4, to: model, resumed)
        #expect(try Snapshot(of: model) == Snapshot(of: folder("alone")))
    }

    /// Trains until one process is canceled after its first report; returns the steps that have been done.
    private func interrupted(
        _ trainer: Trainer, in group: LocalProcessGroup, by rank: Int, savedTo folder: URL
    ) async throws -> Int? {
        let writer = group.rank == 0 ? try CheckpointWriter(trainer, folder: folder) : nil
        do {
            for try await event in trainer.run() {
                try writer?.follow(event)
                guard group.rank == rank else { continue }
                if case .epoch = event { withUnsafeCurrentTask { $0?.cancel() } }
            }
            Issue.record("process \(group.rank) has not been interrupted")
        } catch is CancellationError {
            try await writer?.finish()
        }
        return try trainer.languageModel().moment?.step
    }

    @Test(arguments: [0, 1, 2]) func aProcessThatIsCanceledStopsAllAfterTheSameStep(rank: Int) throws {
        let setting = Self.settings[2]
        let steps = try LocalProcessGroup.runTasks(3) { group in
            try await interrupted(
                try trainer(setting, in: group), in: group, by: rank, savedTo: folder("model"))
        }.map { try $0.get() }
        let first = try #require(steps[0])
        #expect(steps == [first, first, first])
        #expect(try Snapshot(of: folder("model")).position["steps"] == "\(first)")
    }

    @Test func checkpointsOnTheWayAreThoseOfAProcessAlone() throws {
        let setting = Setting("validated after every step", .random) { _, options in
            options.validationSteps = 1
        }
        let policy = CheckpointPolicy(seconds: nil, steps: 1, count: 100)
        for (size, name) in [(1, "alone"), (3, "together")] {
            try TrainingGroup.train(size, to: folder(name), policy: policy) { try trainer(setting, in: $0) }
        }
        let found = try folder.names(in: "together/checkpoints")
        let expected = Set(try folder.names(in: "alone/checkpoints"))
        #expect(found.count > 5)
        #expect(found.isSubset(of: expected))
        for name in found {
            let together = try Snapshot(of: folder("together/checkpoints/\(name)"))
            let alone = try Snapshot(of: folder("alone/checkpoints/\(name)"))
            #expect(together.tensors == alone.tensors && together.model == alone.model, "\(name)")
            // A group saves right after the step, and one process after what is reported of it.
            #expect(together.position["steps"] == alone.position["steps"], "\(name)")
        }
    }

    @Test func aStateThatIsScatteredIsNotSaved() throws {
        let results = LocalProcessGroup.runTasks(2) { group in
            let trainer = try trainer(Self.settings[1], in: group)
            for try await event in trainer.run() {
                guard case .validation = event else { continue }
                #expect(throws: TrainingError.scatteredState(processes: 2)) {
                    try trainer.saveCheckpoint(to: folder("model-\(group.rank)"))
                }
                return true
            }
            return false
        }
        #expect(try results.map { try $0.get() } == [true, true])
    }

    // MARK: Ends

    @Test func aProcessThatLeavesEndsTheOthers() throws {
        let results = LocalProcessGroup.runTasks(3, patience: 0.5) { group in
            let trainer = try trainer(Self.settings[1], in: group)
            for try await event in trainer.run() {
                if group.rank == 1, case .validation = event { return }
            }
        }
        for rank in [0, 2] { #expect(throws: ClusterError.self) { try results[rank].get() } }
    }

    @Test func moreProcessesThanShardsAreRefused() {
        let results = LocalProcessGroup.runTasks(6) { group in _ = try trainer(Self.settings[0], in: group) }
        for result in results { expectParameterError("shards") { try result.get() } }
    }

    // MARK: Disagreements

    /// Expects that all processes name the last of three, which differs from the others.
    private func expectDisagreement(
        _ subject: String, _ make: @escaping @Sendable (_ isOther: Bool, LocalProcessGroup) throws -> Trainer
    ) {
        for result in LocalProcessGroup.runTasks(3, { group in _ = try make(group.rank == 2, group) }) {
            let error = #expect(throws: TrainingError.self) { try result.get() }
            guard case .otherProcess(rank: 2, let found, let value, let expected) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(found.contains(subject))
            #expect(value != expected)
        }
    }

    @Test func textsMustBeTheSame() throws {
        let other = try TestTraining.corpus(seed: 2)
        expectDisagreement("text") { isOther, group in
            try Trainer(
                corpus: isOther ? other : corpus, model: TestTraining.model,
                options: Self.settings[0].options,
                group: group)
        }
    }

    @Test func optionsMustBeTheSame() {
        expectDisagreement("options") { isOther, group in
            var setting = Self.settings[0]
            if isOther { setting.options.seed += 1 }
            return try trainer(setting, in: group)
        }
    }

    @Test func modelsMustBeTheSame() {
        expectDisagreement("model") { isOther, group in
            var setting = Self.settings[0]
            if isOther { setting.model.hiddenSize += 1 }
            return try trainer(setting, in: group)
        }
    }

    @Test func checkpointsMustBeTheSame() throws {
        let model = folder("model")
        try TrainingGroup.train(1, to: model) { try trainer(Self.settings[0], in: $0) }
        expectDisagreement("checkpoint") { isOther, group in
            guard isOther else {
                return try Trainer(resuming: model, corpus: corpus, engine: .cpu(threads: 1), group: group)
            }
            return try trainer(Self.settings[0], in: group)
        }
    }
}

extension [TrainingEvent] {
    /// What the run came to, without its speed.
    fileprivate var summary: TrainingSummary? {
        guard case .finished(var summary) = last else { return nil }
        summary.tokensPerSecond = 0
        return summary
    }
}
