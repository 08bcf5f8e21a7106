import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// A run that is saved and resumed equals one that was not, in every bit.
@Suite struct ResumeTests {
    @Test(arguments: Partitioning.allCases, [0.2, nil])
    func halfARunAndTheOtherHalfAreAWholeOne(partitioning: Partitioning, fraction: Double?) async throws {
        let corpus = try TestTraining.corpus()
        let options = TestTraining.options(
            epochs: 6, partitioning: partitioning, validationFraction: fraction)
        let whole = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let events = try await whole.runToEnd()

        let folder = try TemporaryFolder()
        let first = try Trainer(
            corpus: corpus, model: TestTraining.model, options: options, engine: .cpu(threads: 2))
        try await first.run(epochs: 3)
        try first.saveCheckpoint(to: folder("model"))
        let second = try Trainer(resuming: folder("model"), corpus: corpus, engine: .cpu(threads: 1))
        #expect(second.options == options)
        let rest = try await second.runToEnd()
        guard case .started(let plan) = rest.first else {
            Issue.record("no plan")
            return
        }
        #expect(plan.completedEpochs == 3)
        #expect(rest.results == Array(events.results.dropFirst(3)))
        #expect(try second.snapshot() == whole.snapshot())
    }

    @Test(arguments: [(nil, false), (5, false), (9, true)] as [(Int?, Bool)])
    func aRunOfSeveralLayersGoesOnInEveryBit(embedding: Int?, isTied: Bool) async throws {
        var model = TestTraining.model
        model.layerCount = 2
        model.embeddingSize = embedding
        model.tiesWeights = isTied
        let corpus = try TestTraining.corpus()
        let options = TestTraining.options(epochs: 4)
        let whole = try Trainer(corpus: corpus, model: model, options: options)
        let results = try await whole.runToEnd().results

        let folder = try TemporaryFolder()
        let first = try Trainer(corpus: corpus, model: model, options: options)
        try await first.run(epochs: 2)
        try first.saveCheckpoint(to: folder("model"))
        let second = try Trainer(resuming: folder("model"), corpus: corpus)
        #expect(second.configuration.layerCount == 2)
        #expect(second.configuration.embeddingSize == embedding)
        #expect(second.configuration.tiesWeights == isTied)
        #expect(try await second.runToEnd().results == Array(results.dropFirst(2)))
        #expect(try second.snapshot() == whole.snapshot())
    }

    @Test(arguments: [TanhCell.self, LSTMCell.self, GRUCell.self] as [any RecurrentCell.Type])
    func aRunInBFloat16GoesOnInEveryBit(cell: any RecurrentCell.Type) async throws {
        let corpus = try TestTraining.corpus()
        let model = ModelConfiguration(cell: cell, hiddenSize: 37)
        var options = TestTraining.options(epochs: 4, validationFraction: 0.2)
        options.precision = .bfloat16
        let whole = try Trainer(corpus: corpus, model: model, options: options, engine: .cpu(threads: 1))
        let events = try await whole.runToEnd()
        guard case .started(let plan) = events.first else {
            Issue.record("no plan")
            return
        }
        #expect(plan.engine.hasPrefix("cpu (") && plan.engine.hasSuffix(", bfloat16)"))
        let again = try Trainer(corpus: corpus, model: model, options: options, engine: .cpu(threads: 2))
        #expect(try await again.runToEnd().results == events.results)
        #expect(try again.snapshot() == whole.snapshot())

        let folder = try TemporaryFolder()
        let first = try Trainer(corpus: corpus, model: model, options: options, engine: .cpu(threads: 3))
        try await first.run(epochs: 2)
        try first.saveCheckpoint(to: folder("model"))
        let second = try Trainer(resuming: folder("model"), corpus: corpus, engine: .cpu(threads: 1))
        #expect(second.options == options)
        #expect(try await second.runToEnd().results == Array(events.results.dropFirst(2)))
        #expect(try second.snapshot() == whole.snapshot())
        // It is another run than that in single precision, and not a worse one.
        options.precision = .float32
        let single = try Trainer(corpus: corpus, model: model, options: options)
        let reports = try await single.runToEnd().reports
        #expect(try single.snapshot() != whole.snapshot())
        for (report, other) in zip(events.reports, reports) {
            #expect(abs(report.perplexity / other.perplexity - 1) < 0.02)
        }
        expectError(naming: "precision is bfloat16", "reference engine") {
            _ = try Trainer(resuming: folder("model"), corpus: corpus, engine: .reference)
        }
    }

    @Test(arguments: Partitioning.allCases)
    func aRunCutIntoManyPiecesIsAWholeOne(partitioning: Partitioning) async throws {
        let corpus = try TestTraining.corpus(length: 3_000)
        var options = TestTraining.options(epochs: 4, partitioning: partitioning, validationFraction: 0.1)
        options.batchSize = 2
        let whole = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let results = try await whole.runToEnd().results

        // Cancelled wherever it is after some milliseconds, saved, and taken up with another number of threads.
        let folder = try TemporaryFolder()
        var trainer = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        var found: [[UInt64]] = []
        var isFinished = false
        var pieces = 0
        while !isFinished {
            let task = Task { [trainer] in
                var events: [TrainingEvent] = []
                do {
                    for try await event in trainer.run() { events.append(event) }
                } catch is CancellationError {}
                return events
            }
            try await Task.sleep(for: .milliseconds(4 + pieces))
            task.cancel()
            let events = try await task.value
            found += events.results
            if case .finished = events.last { isFinished = true }
            try trainer.saveCheckpoint(to: folder("model"))
            pieces += 1
            trainer = try Trainer(
                resuming: folder("model"), corpus: corpus, engine: .cpu(threads: pieces % 3 + 1))
        }
        #expect(found == results)
        #expect(try trainer.snapshot() == whole.snapshot())
    }

    @Test func leavingTheLoopInTheMiddleOfAnEpochLosesNothing() async throws {
        let corpus = try TestTraining.corpus(length: 200_000)
        let options = TrainingOptions(epochs: 1, batchSize: 4, sequenceLength: 8, seed: 5)
        let model = ModelConfiguration(hiddenSize: 128)
        let whole = try Trainer(corpus: corpus, model: model, options: options, engine: .cpu(threads: 1))
        let results = try await whole.runToEnd().results

        let folder = try TemporaryFolder()
        let first = try Trainer(corpus: corpus, model: model, options: options, engine: .cpu(threads: 1))
        var isInside = false
        for try await event in first.run() {
            guard case .progress(let progress) = event else { continue }
            #expect(progress.epoch == 1 && progress.epochs == 1)
            #expect(progress.fractionCompleted > 0 && progress.fractionCompleted < 1)
            #expect(progress.tokensPerSecond > 0 && progress.secondsRemaining > 0)
            #expect(progress.perplexity > 1 && progress.perplexity < 1_000)
            isInside = true
            break
        }
        try first.saveCheckpoint(to: folder("model"))
        let second = try Trainer(resuming: folder("model"), corpus: corpus, engine: .cpu(threads: 1))
        // A machine so fast that it has no progress to report has nothing left to do here.
        let rest = isInside ? results : []
        // Whoever leaves the loop may also come back to the same trainer.
        #expect(try await first.runToEnd().results == rest)
        #expect(try await second.runToEnd().results == rest)
        #expect(try first.snapshot() == whole.snapshot())
        #expect(try second.snapshot() == whole.snapshot())
    }

    @Test func aRunThatIsOverCanGetMoreEpochs() async throws {
        let corpus = try TestTraining.corpus()
        let whole = try Trainer(
            corpus: corpus, model: TestTraining.model, options: TestTraining.options(epochs: 5))
        try await whole.runToEnd()

        let folder = try TemporaryFolder()
        let first = try Trainer(
            corpus: corpus, model: TestTraining.model, options: TestTraining.options(epochs: 2))
        let events = try await first.runToEnd()
        try first.saveCheckpoint(to: folder("model"))

        let idle = try await Trainer(resuming: folder("model"), corpus: corpus).runToEnd()
        #expect(idle.reports == [])
        guard case .finished(let summary) = idle.last else {
            Issue.record("\(idle)")
            return
        }
        #expect(summary.perplexity == events.reports.last?.perplexity)
        #expect(summary.tokensPerSecond > 0)

        let second = try Trainer(resuming: folder("model"), corpus: corpus, epochs: 5)
        #expect(try await second.runToEnd().reports.map(\.epoch) == [3, 4, 5])
        #expect(try second.snapshot() == whole.snapshot())
    }

    @Test func everySeedSurvives() throws {
        let corpus = try TestTraining.corpus()
        for seed in [0, 1 << 53 + 1, UInt64(Int64.max) + 1, .max] {
            let folder = try TemporaryFolder()
            let options = TestTraining.options(seed: seed)
            try Trainer(corpus: corpus, model: TestTraining.model, options: options)
                .saveCheckpoint(to: folder("model"))
            #expect(try Trainer(resuming: folder("model"), corpus: corpus).options == options)
        }
    }

    @Test func theProgramsOwnCellsAreResumed() async throws {
        enum LeakyCell: RecurrentCell {
            static let name = "leaky"
            static let gates = ["a"]
            static let states = ["h"]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": 0.5 * previous.h + 0.5 * tanh(gates.a)]
            }
        }
        let corpus = try TestTraining.corpus()
        let folder = try TemporaryFolder()
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(cell: LeakyCell.self, hiddenSize: 4),
            options: TestTraining.options())
        try await trainer.run(epochs: 1)
        try trainer.saveCheckpoint(to: folder("model"))
        expectError(naming: "'leaky' is unknown") {
            _ = try Trainer(resuming: folder("model"), corpus: corpus)
        }
        let resumed = try Trainer(resuming: folder("model"), corpus: corpus, cells: [LeakyCell.self])
        #expect(try await resumed.runToEnd().reports.map(\.epoch) == [2, 3, 4])
    }

    @Test func aCellWithAnotherFormulaIsNotResumed() async throws {
        let corpus = try TestTraining.corpus()
        let folder = try TemporaryFolder()
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(cell: TwoFormulas.First.self, hiddenSize: 4),
            options: TestTraining.options())
        try await trainer.run(epochs: 1)
        try trainer.saveCheckpoint(to: folder("model"))
        expectError(naming: "another formula of the cell 'of-two-formulas'") {
            _ = try Trainer(resuming: folder("model"), corpus: corpus, cells: [TwoFormulas.Second.self])
        }
        expectError(naming: "two cells of this program have the name 'of-two-formulas'") {
            _ = try Trainer(resuming: folder("model"), corpus: corpus, cells: TwoFormulas.cells)
        }
        _ = try Trainer(resuming: folder("model"), corpus: corpus, cells: [TwoFormulas.First.self])
    }

    // MARK: Metrics

    private func lines(in folder: URL) throws -> [EpochReport] {
        try String(contentsOf: folder.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
            .split(separator: "\n")
            .map { try JSONDecoder().decode(EpochReport.self, from: Data($0.utf8)) }
    }

    @Test func metricsHaveALineForEveryEpochAlsoAfterAKill() async throws {
        let corpus = try TestTraining.corpus()
        let folder = try TemporaryFolder()
        let model = folder("model")
        let first = try Trainer(
            corpus: corpus, model: TestTraining.model, options: TestTraining.options(epochs: 6))
        try first.saveCheckpoint(to: model)
        var reports: [EpochReport] = []
        for try await event in first.run() {
            guard case .epoch(let report) = event else { continue }
            try first.log(report, to: model)
            reports.append(report)
            if report.epoch == 2 { try first.saveCheckpoint(to: model) }
            // The power goes off after four epochs and in the middle of a fifth line.
            if report.epoch == 4 { break }
        }
        #expect(try lines(in: model) == reports)
        let metrics = model.appendingPathComponent("metrics.jsonl")
        let torn = try Data(contentsOf: metrics) + Data(#"{"epoch":5,"gradi"#.utf8)
        try torn.write(to: metrics)

        let second = try Trainer(resuming: model, corpus: corpus)
        // Reading changes nothing; the first report removes those that come again.
        #expect(try Data(contentsOf: metrics) == torn)
        for try await event in second.run() {
            if case .epoch(let report) = event { try second.log(report, to: model) }
        }
        let all = try lines(in: model)
        #expect(all.map(\.epoch) == [1, 2, 3, 4, 5, 6])
        #expect(all.prefix(4).map(\.perplexity) == reports.map(\.perplexity))
    }
}
