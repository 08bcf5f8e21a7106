import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// What sees to it that a run does not go wrong unnoticed.
@Suite struct GuardTests {
    // MARK: Losses that are no numbers

    private func diverging(recoveries: Int, validation: Double? = nil) -> TrainingOptions {
        var options = TestTraining.options(epochs: 12, validationFraction: validation)
        options.optimizer = Optimizer(learningRate: 1e4, maxGradientNorm: nil)
        options.maxRecoveries = recoveries
        return options
    }

    private let model = ModelConfiguration(cell: ReLUCell.self, hiddenSize: 9)

    @Test(arguments: [0, 1, 3])
    func recoveriesAreBoundedAndSaid(recoveries: Int) async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: model, options: diverging(recoveries: recoveries))
        var notices: [TrainingNotice] = []
        var error: TrainingError?
        do {
            for try await event in trainer.run() { notices += [event].notices }
        } catch let found as TrainingError {
            error = found
        }
        guard case .diverged(_, _, let rate) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(rate == 1e4 / Float(1 << recoveries))
        let rates = notices.compactMap { notice -> Float? in
            if case .recovered(_, _, _, let rate, _) = notice { rate } else { nil }
        }
        #expect(rates == (0..<recoveries).map { 1e4 / Float(2 << $0) })
        #expect(notices.allSatisfy { !$0.description.contains("\n") })
        if recoveries == 0 { #expect(!notices.contains { $0.kind == .skippedMinibatch }) }
    }

    @Test(arguments: [nil, 0.2])
    func aRunThatRecoversGoesOnAndIsResumedInEveryBit(validation: Double?) async throws {
        let corpus = try TestTraining.corpus()
        let options = diverging(recoveries: 40, validation: validation)
        let whole = try Trainer(corpus: corpus, model: model, options: options)
        let events = try await whole.runToEnd()
        #expect(events.reports.map(\.epoch) == Array(1...12))
        #expect(events.reports.allSatisfy { $0.perplexity.isFinite && $0.perplexity > 1 })
        let recoveries = events.notices.count { $0.kind == .recovered }
        #expect(recoveries > 3)
        let rate = try #require(events.reports.last?.learningRate)
        #expect(rate == 1e4 / pow(2, Float(recoveries)))

        // Stopped where it has just gone back.
        let folder = try TemporaryFolder()
        let first = try Trainer(corpus: corpus, model: model, options: options)
        var seen = 0
        for try await event in first.run() {
            seen += [event].notices.count { $0.kind == .recovered }
            if seen == 3 { break }
        }
        try first.saveCheckpoint(to: folder("model"))
        let second = try Trainer(resuming: folder("model"), corpus: corpus)
        let rest = try await second.runToEnd()
        #expect(rest.results == Array(events.results.suffix(rest.results.count)))
        #expect(try second.snapshot() == whole.snapshot())
    }

    @Test func goodParametersOfTheMiddleAreKeptInTheCheckpoint() async throws {
        let corpus = try TestTraining.corpus(length: 3_000)
        var options = TestTraining.options(epochs: 6, validationFraction: 0.2)
        options.validationSteps = 7
        let folder = try TemporaryFolder()
        let trainer = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        var reports = 0
        for try await event in trainer.run() {
            if case .validation = event { reports += 1 }
            if reports == 80 { break }
        }
        try trainer.saveCheckpoint(to: folder("model"))
        let file = folder("model/training.safetensors")
        let (tensors, metadata) = try TensorFile.decode(try Data(contentsOf: file), path: file.path)
        #expect(metadata["version"] == "1")
        #expect(metadata["position"]?.contains(#""goodStep":500"#) == true)
        let good = try #require(tensors["good.decoder.weight"])
        #expect(good.shape == tensors["decoder.weight"]?.shape)
        #expect(good.values != tensors["decoder.weight"]?.values)
        options.maxRecoveries = 0
        let careless = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        try await careless.run(epochs: 1)
        try careless.saveCheckpoint(to: folder("careless"))
        let other = try Data(contentsOf: folder("careless/training.safetensors"))
        #expect(try TensorFile.decode(other, path: "").tensors["good.decoder.weight"] == nil)
    }

    // MARK: Early stopping

    /// A text whose end is nothing like its beginning: the better that is learned, the worse it is.
    private func misleadingCorpus() throws -> Corpus {
        try Corpus(text: String(repeating: "abcabd", count: 50) + String(repeating: "dbacda", count: 10))
    }

    private func misled(patience: Int, minimumEpochs: Int = 0, epochs: Int = 40) -> TrainingOptions {
        var options = TestTraining.options(epochs: epochs, validationFraction: 60.0 / 360)
        options.earlyStopping = EarlyStopping(patience: patience, minimumEpochs: minimumEpochs)
        return options
    }

    @Test(arguments: [1, 2, 4])
    func trainingStopsAfterThePatience(patience: Int) async throws {
        let trainer = try Trainer(
            corpus: misleadingCorpus(), model: TestTraining.model, options: misled(patience: patience))
        let events = try await trainer.runToEnd()
        let reports = events.reports
        #expect(reports.count < 40)
        let best = try #require(
            reports.min { ($0.validationPerplexity ?? 0) < ($1.validationPerplexity ?? 0) })
        #expect(reports.last?.epoch == best.epoch + patience)
        guard case .finished(let summary) = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(summary.isStoppedEarly)
        #expect(summary.best?.epoch == best.epoch)
        #expect(summary.best?.perplexity == best.validationPerplexity)
        #expect(events.notices.contains { $0.kind == .stoppedEarly })
    }

    @Test func theLeastNumberOfEpochsIsTrained() async throws {
        let trainer = try Trainer(
            corpus: misleadingCorpus(), model: TestTraining.model,
            options: misled(patience: 1, minimumEpochs: 30))
        #expect(try await trainer.runToEnd().reports.count == 30)
    }

    @Test func smallImprovementsDoNotCount() async throws {
        var options = TestTraining.options(epochs: 20, validationFraction: 0.2)
        options.earlyStopping = EarlyStopping(patience: 1, minimumImprovement: 0.5)
        let trainer = try Trainer(corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()
        #expect(events.reports.count < 20)
        guard case .finished(let summary) = events.last else { return }
        #expect(summary.best?.perplexity == events.reports.compactMap(\.validationPerplexity).min())
    }

    @Test func aRunThatHasStoppedStaysStopped() async throws {
        let corpus = try misleadingCorpus()
        let whole = try Trainer(
            corpus: corpus, model: TestTraining.model, options: misled(patience: 2))
        let end = try #require(try await whole.runToEnd().reports.last?.epoch)
        // Where the shorter run's end falls on the stop, before it, and behind it.
        for epochs in [end - 1, end, end + 1] {
            let folder = try TemporaryFolder()
            let first = try Trainer(
                corpus: corpus, model: TestTraining.model, options: misled(patience: 2, epochs: epochs))
            try await first.runToEnd()
            try first.saveCheckpoint(to: folder("model"))
            let second = try Trainer(resuming: folder("model"), corpus: corpus, epochs: 40)
            try await second.runToEnd()
            #expect(try second.snapshot() == whole.snapshot(), "\(epochs) of \(end)")
        }
    }

    @Test func whatNeedsValidationIsRefusedWithoutIt() {
        func refuse(naming parameter: String, change: (inout TrainingOptions) -> Void) {
            expectParameterError(parameter) {
                var options = TestTraining.options()
                change(&options)
                _ = try Trainer(corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
            }
        }
        refuse(naming: "earlyStopping") { $0.earlyStopping = EarlyStopping(patience: 1) }
        refuse(naming: "validationSteps") { $0.validationSteps = 10 }
        refuse(naming: "averagingPatience") { $0.averagingPatience = 5 }
    }

    @Test func optionsThatMakeNoSenseAreRefused() {
        func refuse(naming parameter: String, change: (inout TrainingOptions) -> Void) {
            expectParameterError(parameter) {
                var options = TestTraining.options(validationFraction: 0.2)
                change(&options)
                try options.check()
            }
        }
        for count in [0, -1, .min] {
            refuse(naming: "patience") { $0.earlyStopping = EarlyStopping(patience: count) }
            refuse(naming: "validationSteps") { $0.validationSteps = count }
        }
        for share in [-0.1, 1, .nan] {
            refuse(naming: "minimumImprovement") {
                $0.earlyStopping = EarlyStopping(patience: 1, minimumImprovement: share)
            }
        }
        refuse(naming: "minimumEpochs") {
            $0.earlyStopping = EarlyStopping(patience: 1, minimumEpochs: -1)
        }
        refuse(naming: "maxSteps") { $0.maxSteps = 0 }
        refuse(naming: "maxRecoveries") { $0.maxRecoveries = -1 }
    }

    // MARK: Averaging

    /// As the authors' program: `len(logs) > n and loss > min(logs[:-n])`.
    @Test(arguments: [1, 2, 5])
    func theTriggerIsThatOfItsAuthors(trigger: Int) {
        var history = ValidationHistory()
        var logs: [Double] = []
        var random = SystemRandomNumberGenerator()
        for step in 0..<200 {
            let perplexity = Double.random(in: 1...2, using: &random)
            let expected =
                logs.count > trigger && perplexity > (logs.dropLast(trigger).min() ?? .infinity)
            let fires = history.add(
                BestValidation(perplexity: perplexity, epoch: step, step: step), minimumImprovement: 0,
                patience: trigger)
            #expect(fires == expected)
            logs.append(perplexity)
        }
        #expect(history.best?.perplexity == logs.min())
    }

    @Test func averagingBeginsWhenValidationNoLongerImproves() async throws {
        var options = TestTraining.options(epochs: 12, validationFraction: 60.0 / 360)
        options.optimizer.averaging = .mean
        options.averagingPatience = 2
        let trainer = try Trainer(corpus: misleadingCorpus(), model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()
        #expect(events.notices.count { $0.kind == .beganAveraging } == 1)
        options.optimizer.averaging = .none
        options.averagingPatience = nil
        let plain = try Trainer(corpus: misleadingCorpus(), model: TestTraining.model, options: options)
        let reports = try await plain.runToEnd().reports
        #expect(reports.map(\.perplexity) == events.reports.map(\.perplexity))
        #expect(reports[0].validationPerplexity == events.reports[0].validationPerplexity)
        #expect(reports[11].validationPerplexity != events.reports[11].validationPerplexity)
        #expect(try plain.languageModel().parameters != trainer.languageModel().parameters)
    }

    // MARK: Notices

    @Test func overfittingIsNotedOnce() async throws {
        let options = TestTraining.options(epochs: 40, validationFraction: 60.0 / 360)
        let trainer = try Trainer(corpus: misleadingCorpus(), model: TestTraining.model, options: options)
        let notices = try await trainer.runToEnd().notices
        #expect(notices.count { $0.kind == .overfitting } == 1)
        #expect(notices.first { $0.kind == .overfitting }?.description.contains("stop early") == true)
    }

    @Test func aRunThatLearnsNothingIsNotedOnce() async throws {
        var options = TestTraining.options(epochs: 40)
        options.optimizer.learningRate = 1e-9
        let corpus = try TestTraining.corpus()
        let idle = try await Trainer(corpus: corpus, model: TestTraining.model, options: options)
            .runToEnd()
        #expect(idle.notices.count { $0.kind == .learnsNothing } == 1)
        #expect(
            idle.notices.contains {
                $0.kind == .learnsNothing && $0.description.contains("learning rate")
            })
        options.optimizer.learningRate = 1
        let busy = try await Trainer(corpus: corpus, model: TestTraining.model, options: options)
            .runToEnd()
        #expect(!busy.notices.contains { $0.kind == .learnsNothing })
    }

    @Test func moreParametersThanTokensAreNoted() async throws {
        for (hiddenSize, isNoted) in [(9, false), (40, true)] {
            let trainer = try Trainer(
                corpus: TestTraining.corpus(), model: ModelConfiguration(hiddenSize: hiddenSize),
                options: TestTraining.options(epochs: 1))
            let notices = try await trainer.runToEnd().notices
            #expect(notices.contains { $0.kind == .moreParametersThanTokens } == isNoted)
        }
    }
}
