import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// A run that stops in the middle of an epoch goes on in every bit, however it learns.
@Suite struct ResumeInEveryWayTests {
    private static let schedules: [LearningRateSchedule] = [
        .init(.constant, warmUpSteps: 7), .init(.step(epochs: 1, factor: 0.7)),
        .init(.exponential(factor: 0.9)), .init(.cosine(finalRate: 1e-3), warmUpSteps: 4),
        .init(.plateau(factor: 0.5, patience: 0)),
    ]
    private static let averages: [(Optimizer.Averaging, trigger: Int?)] = [
        (.none, nil), (.exponential(decay: 0.9), nil), (.mean, 1),
    ]

    private static let regularizations = [
        Regularization(), Regularization(dropout: 0.2), Regularization(labelSmoothing: 0.1),
        Regularization(dropout: 0.2, usesVariationalDropout: true, weightDrop: 0.3),
    ]

    /// Runs until the first validation inside an epoch after so many whole ones.
    private func run(_ trainer: Trainer, intoEpochAfter epochs: Int) async throws {
        var remaining = epochs
        for try await event in trainer.run() {
            if case .epoch = event { remaining -= 1 }
            if case .validation = event, remaining <= 0 { return }
        }
        Issue.record("no validation inside an epoch")
    }

    @Test(arguments: ModelConfiguration.builtInCells + [PeepholeCell.self], Partitioning.allCases)
    func everyOptimizerGoesOnInEveryBit(cell: any RecurrentCell.Type, partitioning: Partitioning) async throws
    {
        let corpus = try TestTraining.corpus(length: 400)
        var model = ModelConfiguration(cell: cell, hiddenSize: 5, layerCount: 2)
        for (index, rule) in Optimizer.Rule.all.enumerated() {
            var options = TestTraining.options(epochs: 4, partitioning: partitioning, validationFraction: 0.2)
            if partitioning == .windows { options.trainingWindows = 60 }
            let (averaging, trigger) = Self.averages[index % Self.averages.count]
            options.optimizer = Optimizer(
                rule: rule, learningRate: rule == .sgd ? 1 : 0.02,
                weightDecay: index.isMultiple(of: 2) ? 0 : 0.01,
                averaging: averaging)
            options.averagingPatience = trigger
            options.schedule = Self.schedules[(index + cell.gates.count) % Self.schedules.count]
            options.validationSteps = 3
            options.regularization = Self.regularizations[index % Self.regularizations.count]
            let memory: Float = cell.states.count > 1 ? 0.3 : 0
            model.zoneout = index == 1 ? Zoneout(output: 0.1, memory: memory) : Zoneout()
            let whole = try Trainer(
                corpus: corpus, model: model, options: options, engine: .cpu(threads: 1))
            let events = try await whole.runToEnd()

            let folder = try TemporaryFolder()
            let first = try Trainer(
                corpus: corpus, model: model, options: options, engine: .cpu(threads: 2))
            try await run(first, intoEpochAfter: 2)
            try first.saveCheckpoint(to: folder("model"))
            let second = try Trainer(
                resuming: folder("model"), corpus: corpus, engine: .cpu(threads: 1),
                cells: [PeepholeCell.self])
            #expect(second.options == options)
            let rest = try await second.runToEnd()
            let comment: Comment = "\(cell.name), \(rule.name), \(partitioning)"
            #expect(rest.results == Array(events.results.suffix(rest.results.count)), comment)
            #expect(rest.reports.count == 2, comment)
            #expect(rest.validations == Array(events.validations.suffix(rest.validations.count)), comment)
            #expect(try second.snapshot() == whole.snapshot(), comment)
        }
    }

    @Test func validationInsideAnEpochDisturbsNothing() async throws {
        let corpus = try TestTraining.corpus(length: 900)
        var options = TestTraining.options(validationFraction: 0.2)
        let plain = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let results = try await plain.runToEnd().results
        options.validationSteps = 4
        let other = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let events = try await other.runToEnd()
        #expect(events.results == results)
        #expect(try other.languageModel().parameters == plain.languageModel().parameters)
        let parts = events.validations
        #expect(parts.count > 8)
        #expect(parts.allSatisfy { $0.validationPerplexity != nil && ($0.partOfEpoch ?? 1) < 1 })
        #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.epochs < $1.epochs })
        #expect(parts.allSatisfy { $0.perplexity > 1 })
    }

    @Test func theAverageIsTheModel() async throws {
        let corpus = try TestTraining.corpus(length: 2_000)
        var options = TestTraining.options(epochs: 2, validationFraction: 0.3)
        options.optimizer = Optimizer(rule: .adam(), learningRate: 0.01, averaging: .exponential(decay: 0.99))
        let trainer = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let reports = try await trainer.runToEnd().reports
        let model = try trainer.languageModel()
        let folder = try TemporaryFolder()
        try trainer.saveCheckpoint(to: folder("model"))
        #expect(try LanguageModel(contentsOf: folder("model")).parameters == model.parameters)
        let engine = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, threads: 1)
        var minibatch = Minibatch()
        let heldOut = try #require(try corpus.split(validationFraction: 0.3).validation)
        let source = try heldOut.tokens.strand(sequenceLength: 256)
        var nats = 0.0
        for index in 0..<source.count {
            source.fill(&minibatch, at: index)
            nats += try engine.evaluate(minibatch)
        }
        #expect(reports.last?.validationPerplexity == exp(nats / 599))
        // Training goes on from the parameters themselves.
        options.optimizer.averaging = .none
        let plain = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        #expect(try await plain.runToEnd().reports.map(\.perplexity) == reports.map(\.perplexity))
        #expect(try plain.languageModel().parameters != model.parameters)
    }
}

extension [TrainingEvent] {
    /// The reports inside epochs, without times.
    var validations: [EpochReport] {
        compactMap { event in
            guard case .validation(var report) = event else { return nil }
            report.seconds = 0
            report.tokensPerSecond = 0
            return report
        }
    }

    var notices: [TrainingNotice] {
        compactMap { if case .notice(let notice) = $0 { notice } else { nil } }
    }
}
