import Foundation
import Testing
import UnrollEngine
import UnrollModel
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
        _ rates: [Double], like name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try #require(Self.vectors[name], sourceLocation: sourceLocation)
        #expect(expected.count == 20 && rates.count == 20, sourceLocation: sourceLocation)
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
            _ = state.observe(loss, patience: 2, threshold: 1e-4)
            return rate
        }
        try expect(rates, like: "plateau")
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
