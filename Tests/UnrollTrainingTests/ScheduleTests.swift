import Foundation
import Testing
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Learning rates, as a run of an epoch of one minibatch, or of one epoch of many, takes them.
@Suite struct ScheduleTests {
    private static let vectors: [String: [Double]] = {
        guard let url = Bundle.module.url(forResource: "Oracles/schedules", withExtension: "json"),
            let data = try? Data(contentsOf: url)
        else { return [:] }
        return (try? JSONDecoder().decode([String: [Double]].self, from: data)) ?? [:]
    }()

    private func rates(_ schedule: LearningRateSchedule, epochs: Int) -> [Double] {
        let minibatches = 20 / epochs
        return (0..<20).map { step in
            schedule.rate(
                from: 0.8,
                at: .init(
                    epoch: step / minibatches, minibatch: step % minibatches, minibatches: minibatches,
                    epochs: epochs))
        }
    }

    private func expect(
        _ rates: [Double], like name: String, count: Int = 20,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try #require(Self.vectors[name], sourceLocation: sourceLocation)
        #expect(expected.count == count && rates.count == count, sourceLocation: sourceLocation)
        for (rate, expected) in zip(rates, expected) {
            #expect(
                abs(rate / expected - 1) < 1e-12, "\(name): \(rate), \(expected)",
                sourceLocation: sourceLocation)
        }
    }

    @Test func epochsAreThoseOfPyTorch() throws {
        try expect(rates(.init(.step(epochs: 3, factor: 0.5)), epochs: 20), like: "step")
        try expect(rates(.init(.exponential(factor: 0.9)), epochs: 20), like: "exponential")
    }

    @Test(arguments: [1, 2, 4, 5, 20])
    func stepsAreThoseOfPyTorchHoweverManyMakeAnEpoch(epochs: Int) throws {
        let cosine = LearningRateSchedule.Decay.cosine(finalRate: 0.05)
        try expect(rates(.init(cosine), epochs: epochs), like: "cosine")
        try expect(rates(.init(cosine, warmUpSteps: 6), epochs: epochs), like: "cosineAfterWarmUp")
        try expect(rates(.init(.constant, warmUpSteps: 4), epochs: epochs), like: "constantAfterWarmUp")
    }

    @Test func plateausAreThoseOfPyTorch() throws {
        let schedule = LearningRateSchedule(.plateau(factor: 0.3, patience: 2))
        var state = PlateauState()
        let rates = try #require(Self.vectors["plateauLosses"]).map { loss in
            let rate = schedule.rate(
                from: 0.8,
                at: .init(epoch: 0, minibatch: 0, minibatches: 1, epochs: 1, reductions: state.reductions))
            _ = state.observe(loss, patience: 2, threshold: 1e-4, rate: 0.8, factor: 0.3)
            return rate
        }
        try expect(rates, like: "plateau")
    }

    @Test func aPlateauStopsLoweringWherePyTorchDoes() throws {
        let schedule = LearningRateSchedule(.plateau(factor: 0.5, patience: 0))
        var state = PlateauState()
        let rates = (0..<20).map { _ in
            let rate = schedule.rate(
                from: 1e-6,
                at: .init(epoch: 0, minibatch: 0, minibatches: 1, epochs: 1, reductions: state.reductions))
            _ = state.observe(1, patience: 0, threshold: 1e-4, rate: 1e-6, factor: 0.5)
            return rate
        }
        try expect(rates, like: "plateauOfSmallRates")
    }

    /// The learning rates of all steps of a run, as a run takes them.
    private func run(
        _ decay: LearningRateSchedule.Decay, warmUpSteps: Int, epochs: Int, minibatches: Int
    ) -> [Double] {
        let schedule = LearningRateSchedule(decay, warmUpSteps: warmUpSteps)
        return (0..<epochs * minibatches).map { step in
            schedule.rate(
                from: 0.8,
                at: .init(
                    epoch: step / minibatches, minibatch: step % minibatches, minibatches: minibatches,
                    epochs: epochs))
        }
    }

    /// A run of one step, of two, and warm-ups of one step, of all but one, of all and of more than there are.
    @Test(arguments: [
        ("cosineOfOneStep", 1, 0), ("cosineOfTwoSteps", 2, 0), ("cosineAfterOneStep", 20, 1),
        ("cosineOfOneStepAfterWarmUp", 20, 19), ("cosineAllWarmUp", 20, 20), ("cosineMoreWarmUp", 20, 30),
        ("cosineOfOneStepAllWarmUp", 1, 1),
    ])
    func edgesAreThoseOfPyTorch(name: String, steps: Int, warmUpSteps: Int) throws {
        let cosine = LearningRateSchedule.Decay.cosine(finalRate: 0.05)
        for epochs in [1, steps] {
            let rates = run(cosine, warmUpSteps: warmUpSteps, epochs: epochs, minibatches: steps / epochs)
            try expect(rates, like: name, count: steps)
        }
    }

    /// A decay that begins within the warm-up multiplies it, so that the rate has no cliff at its end.
    @Test func decaysWithinAWarmUpAreThoseOfPyTorch() throws {
        func rates(_ decay: LearningRateSchedule.Decay, warmUpSteps: Int) -> [Double] {
            run(decay, warmUpSteps: warmUpSteps, epochs: 5, minibatches: 4)
        }
        try expect(rates(.exponential(factor: 0.9), warmUpSteps: 10), like: "exponentialInWarmUp")
        try expect(rates(.step(epochs: 2, factor: 0.5), warmUpSteps: 10), like: "stepInWarmUp")
        try expect(rates(.exponential(factor: 0.9), warmUpSteps: 20), like: "exponentialAllWarmUp")
        // What a plateau has lowered stays lowered: the notice says so too.
        let plateau = LearningRateSchedule(.plateau(factor: 0.5, patience: 1), warmUpSteps: 8)
        for (step, rate) in [(0, 0.025), (6, 0.175), (7, 0.2), (19, 0.2)] {
            let moment = LearningRateSchedule.Moment(
                epoch: 0, minibatch: step, minibatches: 20, epochs: 1, reductions: 2)
            #expect(abs(plateau.rate(from: 0.8, at: moment) - rate) < 1e-12)
        }
    }

    @Test(arguments: [(28, false), (29, true), (100, true)])
    func aWarmUpThatTakesTheWholeRunIsNoted(warmUpSteps: Int, isNoted: Bool) async throws {
        var options = TestTraining.options(epochs: 1, partitioning: .consecutive)
        options.schedule = LearningRateSchedule(.cosine(), warmUpSteps: warmUpSteps)
        let trainer = try Trainer(corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()
        #expect(events.reports.last?.step == 29)
        let notices = events.notices.filter { $0.kind == .warmUpOutlastsRun }
        #expect(notices.count == (isNoted ? 1 : 0))
        guard let notice = notices.first else { return }
        let last = try #require(events.reports.last?.learningRate)
        #expect(notice == .warmUpOutlastsRun(warmUpSteps: warmUpSteps, steps: 29, learningRate: last))
        #expect(last == Float(29.0 / Double(warmUpSteps)))
        #expect(notice.description.contains("train for more epochs"))
        // Resumed for longer, the warm-up has an end.
        let folder = try TemporaryFolder()
        try trainer.saveCheckpoint(to: folder("model"))
        let longer = try Trainer(resuming: folder("model"), corpus: TestTraining.corpus(), epochs: 5)
        let reports = try await longer.runToEnd().reports
        let schedule = options.schedule
        #expect(
            reports.map(\.learningRate)
                == (1..<5).map { epoch in
                    Float(
                        schedule.rate(
                            from: 1, at: .init(epoch: epoch, minibatch: 28, minibatches: 29, epochs: 5)))
                })
    }

    @Test func theCosineEndsWithTheRunHoweverLongItBecomes() {
        let schedule = LearningRateSchedule(.cosine(finalRate: 0), warmUpSteps: 3)
        func rate(_ epoch: Int, _ epochs: Int) -> Double {
            schedule.rate(from: 1, at: .init(epoch: epoch, minibatch: 0, minibatches: 10, epochs: epochs))
        }
        #expect(rate(10, 10) < 1e-12)
        #expect(rate(5, 10) < rate(5, 20))
        #expect(rate(10, 20) > 0.4)
        // A run that is all warm-up does not divide by nothing.
        let long = LearningRateSchedule(.cosine(finalRate: 0.25), warmUpSteps: 100)
        #expect(long.rate(from: 1, at: .init(epoch: 0, minibatch: 9, minibatches: 10, epochs: 1)) == 0.1)
        #expect(long.rate(from: 1, at: .init(epoch: 10, minibatch: 0, minibatches: 10, epochs: 10)) == 0.25)
    }

    @Test func theRateOfARunIsReported() async throws {
        var options = TestTraining.options(epochs: 4)
        options.schedule = LearningRateSchedule(.exponential(factor: 0.5))
        let trainer = try Trainer(corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
        let reports = try await trainer.runToEnd().reports
        #expect(reports.map(\.learningRate) == [1, 0.5, 0.25, 0.125])
        let steps = reports.compactMap(\.step)
        #expect(steps.count == 4 && Set(zip(steps, [0] + steps).map { $0 - $1 }).count == 1)
        // It is the rate that the engine has: the same run by hand.
        options.schedule = LearningRateSchedule()
        let plain = try await Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model, options: options
        ).runToEnd().reports
        #expect(plain[0].perplexity == reports[0].perplexity)
        #expect(plain[1].perplexity != reports[1].perplexity)
    }

    @Test func schedulesThatMakeNoSenseAreRefused() {
        func refuse(_ schedule: LearningRateSchedule, naming parameter: String) {
            expectParameterError(parameter) {
                var options = TestTraining.options()
                options.schedule = schedule
                try options.check()
            }
        }
        refuse(.init(.constant, warmUpSteps: -1), naming: "warmUpSteps")
        for factor in [0, -1, 1.5, .nan] {
            refuse(.init(.step(epochs: 1, factor: factor)), naming: "factor")
            refuse(.init(.exponential(factor: factor)), naming: "factor")
            refuse(.init(.plateau(factor: factor, patience: 1)), naming: "factor")
        }
        refuse(.init(.step(epochs: 0, factor: 0.5)), naming: "decay.epochs")
        refuse(.init(.plateau(factor: 0.5, patience: -1)), naming: "decay.patience")
        for rate in [-1, .nan, .infinity] {
            refuse(.init(.cosine(finalRate: rate)), naming: "finalRate")
        }
    }
}
