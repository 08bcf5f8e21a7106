import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Runs that diverge though every number is finite, runs that go nowhere, and what is said about them.
@Suite struct DivergenceTests {
    // MARK: Far above random

    @Test func fiftyStepsMoreThanNotAreDivergence() {
        let (bad, fine) = (log(28.0) + 2.4, log(28.0) + 2.2)
        func fires(_ losses: [Double]) -> Int? {
            var gauge = DivergenceGauge()
            return losses.firstIndex { gauge.observe($0, vocabularySize: 28) }
        }
        #expect(fires(Array(repeating: bad, count: 60)) == 49)
        #expect(fires(Array(repeating: fine, count: 10_000)) == nil)
        #expect(fires((0..<10_000).map { $0.isMultiple(of: 2) ? 700 : fine }) == nil)
        #expect(fires(Array(repeating: bad, count: 49) + [fine] + [bad, bad]) == 51)
        #expect(fires((0..<200).map { $0.isMultiple(of: 3) ? fine : bad }) != nil)
    }

    private func tooFast(
        rate: Float = 30, epochs: Int = 12, cell: any RecurrentCell.Type = TanhCell.self
    ) -> (model: ModelConfiguration, options: TrainingOptions) {
        var options = TestTraining.options(
            epochs: epochs, partitioning: .consecutive, validationFraction: 0.2)
        options.optimizer = Optimizer(learningRate: rate, maxGradientNorm: nil)
        options.maxRecoveries = 20
        return (ModelConfiguration(cell: cell, hiddenSize: 9), options)
    }

    @Test func finiteDivergenceLeadsBack() async throws {
        let corpus = try TestTraining.corpus()
        let uniform = Double(corpus.vocabulary.count)
        let (model, options) = tooFast()
        let whole = try Trainer(corpus: corpus, model: model, options: options)
        let events = try await whole.runToEnd()
        #expect(events.notices.allSatisfy { $0.kind != .skippedMinibatch })
        #expect(events.notices.count { $0.kind == .recovered } >= 1)
        let last = try #require(events.reports.last)
        #expect(last.epoch == 12 && last.perplexity < uniform, "\(last)")

        // Without recoveries it is an error, and not a perplexity of a hundred digits.
        var strict = options
        strict.maxRecoveries = 0
        let error = try await #require(throws: TrainingError.self) {
            try await Trainer(corpus: corpus, model: model, options: strict).runToEnd()
        }
        guard case .diverged(let epoch, _, 30) = error else {
            Issue.record("\(error)")
            return
        }
        #expect((2...4).contains(epoch))

        // Stopped while it is far above random, before and after it has gone back.
        for reports in 1...4 {
            let folder = try TemporaryFolder()
            let first = try Trainer(corpus: corpus, model: model, options: options)
            try await first.run(epochs: reports)
            try first.saveCheckpoint(to: folder("model"))
            let second = try Trainer(resuming: folder("model"), corpus: corpus)
            try await second.runToEnd()
            #expect(try second.snapshot() == whole.snapshot(), "\(reports)")
        }
    }

    @Test func runsThatLearnAreLeftAlone() async throws {
        for rate in [0.1, 1, 3] as [Float] {
            var (model, options) = tooFast(rate: rate)
            options.optimizer.maxGradientNorm = 1
            let trainer = try Trainer(corpus: TestTraining.corpus(), model: model, options: options)
            #expect(try await !trainer.runToEnd().notices.contains { $0.kind == .recovered })
            #expect(try trainer.snapshot().position["guards"]?.contains("gauge") == false)
            model.hiddenSize = 9
        }
    }

    // MARK: Epochs without a result

    /// A cell whose output is infinite from the beginning.
    private enum Infinite: RecurrentCell {
        static let name = "infinite"
        static let gates = ["z"]
        static let states = ["h"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            let scaled: CellExpression = 1e30 * gates.z
            return ["h": 1e30 * (scaled * scaled)]
        }
    }

    private func events(
        of trainer: Trainer
    ) async throws -> (events: [TrainingEvent], error: TrainingError?) {
        var events: [TrainingEvent] = []
        do {
            for try await event in trainer.run() { events.append(event) }
        } catch let error as TrainingError {
            return (events, error)
        }
        return (events, nil)
    }

    /// Where minibatches were skipped.
    private func places(_ events: [TrainingEvent]) -> [[Int]] {
        events.notices.compactMap { notice in
            if case .skippedMinibatch(let epoch, let minibatch) = notice { [epoch, minibatch] } else { nil }
        }
    }

    @Test(arguments: [(1, 3), (3, 3), (40, 0), (40, 3), (40, 30), (60, 1_000_000)])
    func anEpochThatIsSkippedIsNotDoneAgain(epochs: Int, recoveries: Int) async throws {
        // A minibatch an epoch, then several.
        for length in [26, 100] {
            var options = TestTraining.options(epochs: epochs)
            options.maxRecoveries = recoveries
            let trainer = try Trainer(
                corpus: try TestTraining.corpus(length: length),
                model: ModelConfiguration(cell: Infinite.self, hiddenSize: 4), options: options)
            let (events, error) = try await events(of: trainer)
            #expect(events.reports.isEmpty)
            guard case .diverged(let epoch, _, _) = error else {
                Issue.record("\(String(describing: error)), \(events.last.map { "\($0)" } ?? "")")
                return
            }
            #expect(epoch == min(recoveries + 1, epochs))
            let places = places(events)
            #expect(Set(places).count == places.count, "\(places)")
            #expect(places.map { $0[0] } == places.map { $0[0] }.sorted())
            #expect(recoveries == 0 ? places.isEmpty : places.last?[0] == epoch)
        }
    }

    @Test func aRunGoesOnAfterASkippedEpoch() async throws {
        // An epoch is one minibatch: the first step ruins the parameters, and the next epoch is skipped.
        let corpus = try TestTraining.corpus(length: 26)
        var options = TestTraining.options(epochs: 30, partitioning: .consecutive)
        options.optimizer = Optimizer(learningRate: 1e20, maxGradientNorm: nil)
        options.maxRecoveries = 200
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(cell: ReLUCell.self, hiddenSize: 9), options: options)
        let (events, error) = try await events(of: trainer)
        let places = places(events)
        #expect(error == nil && !places.isEmpty)
        #expect(Set(places).count == places.count)
        let epochs = events.reports.map(\.epoch)
        #expect(epochs == Array(Set(epochs)).sorted())
        #expect(Set(epochs).isDisjoint(with: places.map { $0[0] }))
        #expect(epochs.count + places.count == 30)
    }

    // MARK: Messages

    @Test(arguments: [nil, 0.2])
    func adviceDependsOnWhatIsHeldOut(validation: Double?) async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: ModelConfiguration(hiddenSize: 40),
            options: TestTraining.options(epochs: 1, validationFraction: validation))
        let notices = try await trainer.runToEnd().notices
        let notice = try #require(notices.first { $0.kind == .moreParametersThanTokens })
        #expect(notice.description.contains("hold some text out") == (validation == nil))
        #expect(notice.description.contains("the held-out text shows") == (validation != nil))
    }

    @Test func aPerplexityFarAboveRandomIsNotSaidToBeThatOfRandomTokens() {
        func text(_ perplexity: Double) -> String {
            TrainingNotice.learnsNothing(
                perplexity: perplexity, unigramPerplexity: 15, uniformPerplexity: 28
            ).description
        }
        #expect(text(28).contains("is that of tokens drawn at random (28)"))
        #expect(
            text(28 * 40).contains("the perplexity, 1120, is 40 times that of tokens drawn at random"))
        #expect(text(1.234567e96).contains("1.23e+96, is 4.4e+94 times"))
        #expect(text(20).contains("no better than that of tokens drawn by their frequencies"))
    }

    @Test func aShortRunThatEndsFarAboveRandomSaysSo() async throws {
        var options = TestTraining.options(epochs: 1)
        options.optimizer = Optimizer(learningRate: 100, maxGradientNorm: nil)
        let trainer = try Trainer(corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()
        #expect(!events.notices.contains { $0.kind == .recovered })
        let notice = events.notices.first { $0.kind == .learnsNothing }
        #expect(notice?.description.contains("times that of tokens drawn at random") == true)
    }

    static let rules = Optimizer.Rule.all

    /// Rates up to the largest number, on a text of several minibatches and on one of a single minibatch.
    @Test(arguments: ModelConfiguration.builtInCells, rules)
    func noNumberHasMoreThanSixDigits(cell: any RecurrentCell.Type, rule: Optimizer.Rule) async throws {
        for exponent in [1, 2, 3, 6, 12, 24, 38] {
            for (length, bound) in [(200, 1), (60, nil)] as [(Int, Float?)] {
                var options = TestTraining.options(epochs: 12, validationFraction: 0.4)
                options.optimizer = Optimizer(
                    rule: rule, learningRate: Float("1e\(exponent)") ?? 1, maxGradientNorm: bound)
                options.validationSteps = length > 100 ? 2 : nil
                let trainer = try Trainer(
                    corpus: try TestTraining.corpus(length: length),
                    model: ModelConfiguration(cell: cell, hiddenSize: 9), options: options,
                    engine: .cpu(threads: 1))
                let (events, error) = try await events(of: trainer)
                let texts = events.map { "\($0)" } + [error.map { "\($0)" } ?? ""]
                for text in texts {
                    let long = text.matches(of: /[0-9]+(\.[0-9]+)?/)
                        .filter { $0.output.0.count { $0 != "." } > 6 }
                    #expect(long.isEmpty, "\(text)")
                }
            }
        }
    }
}
