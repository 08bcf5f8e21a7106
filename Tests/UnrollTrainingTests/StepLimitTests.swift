import Foundation
import Testing
import UnrollEngine
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Runs that end after a number of steps, in the middle of an epoch.
@Suite struct StepLimitTests {
    private let corpus: Corpus

    init() throws {
        corpus = try TestTraining.corpus(length: 600)
    }

    private func options(maxSteps: Int?, validationFraction: Double? = nil) -> TrainingOptions {
        var options = TestTraining.options(epochs: 3, validationFraction: validationFraction)
        options.schedule = LearningRateSchedule(.cosine(), warmUpSteps: 3)
        options.maxSteps = maxSteps
        return options
    }

    private func trainer(_ options: TrainingOptions) throws -> Trainer {
        try Trainer(corpus: corpus, model: TestTraining.model, options: options)
    }

    /// The steps of an epoch.
    private func stepsOfAnEpoch() async throws -> Int {
        let trainer = try trainer(options(maxSteps: nil))
        let reports = try await trainer.runToEnd().reports
        let step = try #require(reports.first?.step)
        try #require(step > 5)
        return step
    }

    @Test(arguments: [nil, 0.2] as [Double?])
    func theRunEndsInTheMiddleOfAnEpoch(validationFraction: Double?) async throws {
        let whole = try trainer(options(maxSteps: nil, validationFraction: validationFraction))
        let length = try #require(try await whole.runToEnd().reports.first?.step)
        let limited = try trainer(options(maxSteps: length + 2, validationFraction: validationFraction))
        let events = try await limited.runToEnd()
        #expect(events.reports.map(\.step) == [length, length + 2])
        #expect(events.reports.map(\.epoch) == [1, 2])
        let last = try #require(events.reports.last)
        let part = try #require(last.partOfEpoch)
        #expect(part > 0 && part < 0.5)
        #expect((last.validationPerplexity == nil) == (validationFraction == nil))
        guard case .finished(let summary) = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(summary.epochs == 2 && summary.perplexity == last.perplexity)
        // The cosine ends there.
        #expect(
            try #require(last.learningRate) < 0.1 * TestTraining.options(epochs: 3).optimizer.learningRate)
    }

    @Test func aLimitBeyondTheEpochsChangesNothing() async throws {
        let length = try await stepsOfAnEpoch()
        let whole = try trainer(options(maxSteps: nil))
        let limited = try trainer(options(maxSteps: 4 * length))
        try await whole.runToEnd()
        let events = try await limited.runToEnd()
        #expect(events.reports.allSatisfy { $0.partOfEpoch == nil })
        #expect(try limited.snapshot() == whole.snapshot())
    }

    @Test func aLimitAtTheEndOfAnEpochIsAWholeEpoch() async throws {
        let length = try await stepsOfAnEpoch()
        let events = try await trainer(options(maxSteps: length)).runToEnd()
        #expect(events.reports.map(\.partOfEpoch) == [nil])
        #expect(events.reports.map(\.step) == [length])
    }

    @Test func theRunIsResumedAndGoesOnWithMore() async throws {
        let length = try await stepsOfAnEpoch()
        let folder = try TemporaryFolder()
        var constant = options(maxSteps: length + 2)
        constant.schedule = LearningRateSchedule()
        let limited = try trainer(constant)
        let found = try await limited.runToEnd().results
        try limited.saveCheckpoint(to: folder("model"))

        let again = try await Trainer(resuming: folder("model"), corpus: corpus).runToEnd()
        #expect(again.reports.isEmpty)
        #expect(again.notices == [.alreadyFinished(epochs: 2, maxSteps: length + 2)])

        #expect(
            throws: TrainingError.cannotResume(
                folder: folder("model").path, .doneSteps(done: length + 2, requested: length))
        ) { try Trainer(resuming: folder("model"), corpus: corpus, maxSteps: length) }

        let rest = try Trainer(resuming: folder("model"), corpus: corpus, maxSteps: 2 * length + 1)
        let more = try await rest.runToEnd().results
        constant.maxSteps = 2 * length + 1
        let whole = try trainer(constant)
        let expected = try await whole.runToEnd().results
        // The reports differ: that of the limit is one more.
        #expect(found.last != nil && more.last == expected.last)
        #expect(try rest.snapshot() == whole.snapshot())
    }

    @Test func aWarmUpThatOutlastsTheLimitIsNoted() async throws {
        let events = try await trainer(options(maxSteps: 2)).runToEnd()
        #expect(events.notices.contains { $0.kind == .warmUpOutlastsRun })
    }
}
