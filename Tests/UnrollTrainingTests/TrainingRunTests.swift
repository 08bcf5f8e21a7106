import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

@Suite struct TrainingRunTests {
    // MARK: Events

    @Test(arguments: Partitioning.allCases)
    func perplexityIsTheExponentialOfAllNatsOverAllTokens(partitioning: Partitioning) async throws {
        let corpus = try TestTraining.corpus()
        let options = TestTraining.options(epochs: 3, partitioning: partitioning)
        let reference = try ReferenceEngine(
            configuration: TestTraining.model,
            parameters: try ModelParameters(
                for: TestTraining.model, vocabularySize: corpus.vocabulary.count,
                initializer: options.initializer, seed: options.seed))
        var minibatch = Minibatch()
        let expected = try (0..<options.epochs).map { epoch in
            let source = try partitioning.minibatches(
                of: corpus.tokens, batchSize: options.batchSize, sequenceLength: options.sequenceLength,
                seed: options.seed, epoch: epoch, windowCount: options.trainingWindows)
            var (nats, tokens, norms) = (0.0, 0, 0.0)
            for index in 0..<source.count {
                source.fill(&minibatch, at: index)
                let result = try reference.train(on: minibatch, with: options.optimizer)
                nats += result.meanLoss * Double(minibatch.tokenCount)
                tokens += minibatch.tokenCount
                norms += result.gradientNorm
            }
            return (perplexity: exp(nats / Double(tokens)), norm: norms / Double(source.count))
        }
        for (engine, tolerance) in [(EngineKind.reference, 1e-12), (.cpu(threads: 2), 1e-4)] {
            let trainer = try Trainer(
                corpus: corpus, model: TestTraining.model, options: options, engine: engine)
            let reports = try await trainer.runToEnd().reports
            #expect(reports.count == expected.count)
            for (report, expected) in zip(reports, expected) {
                #expect(abs(report.perplexity / expected.perplexity - 1) < tolerance, "\(engine)")
                #expect(abs(report.gradientNorm / expected.norm - 1) < tolerance, "\(engine)")
            }
        }
    }

    @Test func afterTheCarriedEpochsEveryMinibatchBeginsFromZeros() async throws {
        let corpus = try TestTraining.corpus()
        var options = TestTraining.options(epochs: 4)
        options.statefulEpochs = 2
        let reference = try ReferenceEngine(
            configuration: TestTraining.model,
            parameters: try ModelParameters(
                for: TestTraining.model, vocabularySize: corpus.vocabulary.count,
                initializer: options.initializer, seed: options.seed))
        var minibatch = Minibatch()
        let expected = try (0..<4).map { epoch in
            let source = try options.partitioning.minibatches(
                of: corpus.tokens, batchSize: options.batchSize, sequenceLength: options.sequenceLength,
                seed: options.seed, epoch: epoch)
            let losses = try (0..<source.count).map { index in
                source.fill(&minibatch, at: index)
                if epoch >= 2 { try reference.resetState() }
                return try reference.train(on: minibatch, with: options.optimizer).meanLoss
            }
            return exp(losses.reduce(0, +) / Double(losses.count))
        }
        let perplexities = try await Trainer(
            corpus: corpus, model: TestTraining.model, options: options, engine: .reference
        ).runToEnd().reports.map(\.perplexity)
        #expect(zip(perplexities, expected).allSatisfy { abs($0 / $1 - 1) < 1e-12 })
        #expect(perplexities.count == 4)
        options.statefulEpochs = nil
        let carried = try await Trainer(
            corpus: corpus, model: TestTraining.model, options: options, engine: .reference
        ).runToEnd().reports.map(\.perplexity)
        #expect(carried.prefix(2) == perplexities.prefix(2))
        #expect(carried[2] != perplexities[2])
    }

    @Test func eventsComeInOrder() async throws {
        let corpus = try TestTraining.corpus()
        let trainer = try Trainer(
            corpus: corpus, model: TestTraining.model,
            options: TestTraining.options(validationFraction: 0.25))
        let events = try await trainer.runToEnd()
        guard case .started(let plan) = events.first, case .finished(let summary) = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(plan.epochs == 4)
        #expect(plan.completedEpochs == 0)
        #expect(plan.trainingTokens == 450)
        #expect(plan.validationTokens == 150)
        #expect(plan.vocabularySize == corpus.vocabulary.count)
        #expect(try plan.parameterCount == trainer.languageModel().parameters.scalarCount)
        #expect(plan.engine.hasPrefix("cpu ("))

        let reports = events.reports
        #expect(reports.map(\.epoch) == [1, 2, 3, 4])
        #expect(events.count(where: { if case .started = $0 { true } else { false } }) == 1)
        #expect(events.count(where: { if case .finished = $0 { true } else { false } }) == 1)
        #expect(reports.allSatisfy { $0.tokensPerSecond > 0 && $0.seconds > 0 && $0.gradientNorm > 0 })
        #expect(zip(reports, reports.dropFirst()).allSatisfy { $0.seconds < $1.seconds })

        #expect(summary.epochs == 4)
        #expect(summary.perplexity == reports.last?.perplexity)
        #expect(summary.validationPerplexity == reports.last?.validationPerplexity)
        #expect(summary.tokensPerSecond > 0)
    }

    @Test func progressIsReportedAlsoWhenEpochsAreShort() async throws {
        // Epochs of two minibatches, far shorter than the time between reports.
        let trainer = try Trainer(
            corpus: TestTraining.corpus(length: 50), model: TestTraining.model,
            options: TestTraining.options(epochs: .max), engine: .cpu(threads: 1))
        var completed = 0
        for try await event in trainer.run() {
            if case .epoch = event { completed += 1 }
            guard case .progress(let progress) = event else { continue }
            #expect(progress.epoch >= completed)
            if completed > 1 { break }
        }
    }

    @Test func aRunThatIsOverHasNoMoreEvents() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model, options: TestTraining.options())
        try await trainer.runToEnd()
        #expect(try await trainer.runToEnd() == [])
    }

    @Test func perplexityFallsWhileTheModelLearns() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: ModelConfiguration(hiddenSize: 24),
            options: TestTraining.options(epochs: 25))
        let reports = try await trainer.runToEnd().reports
        #expect(try #require(reports.first?.perplexity) > 2 * #require(reports.last?.perplexity))
    }

    @Test func theReferenceEngineSaysItsName() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(length: 100), model: ModelConfiguration(hiddenSize: 2),
            options: TestTraining.options(epochs: 1), engine: .reference)
        guard case .started(let plan) = try await trainer.runToEnd().first else {
            Issue.record("no plan")
            return
        }
        #expect(plan.engine == "reference")
    }

    // MARK: Seeds

    @Test(arguments: Partitioning.allCases)
    func theSeedDecidesEveryBit(partitioning: Partitioning) async throws {
        func run(seed: UInt64, threads: Int) async throws -> ([[UInt64]], Snapshot) {
            let trainer = try Trainer(
                corpus: TestTraining.corpus(), model: TestTraining.model,
                options: TestTraining.options(partitioning: partitioning, seed: seed),
                engine: .cpu(threads: threads))
            return (try await trainer.runToEnd().results, try trainer.snapshot())
        }
        let (results, snapshot) = try await run(seed: 3, threads: 1)
        for threads in [1, 2, 3] {
            let again = try await run(seed: 3, threads: threads)
            #expect(again.0 == results, "\(threads) threads")
            #expect(again.1 == snapshot, "\(threads) threads")
        }
        let other = try await run(seed: 4, threads: 1)
        #expect(other.0 != results)
        #expect(other.1.tensors != snapshot.tensors)
    }

    // MARK: Validation

    @Test func theHeldOutTextIsEvaluatedAsOneSequence() async throws {
        let corpus = try TestTraining.corpus(length: 2_000)
        let trainer = try Trainer(
            corpus: corpus, model: TestTraining.model,
            options: TestTraining.options(validationFraction: 0.3))
        let reports = try await trainer.runToEnd().reports
        let heldOut = try #require(try corpus.split(validationFraction: 0.3).validation)
        let (perplexity, tokens) = try trainer.languageModel().heldOutPerplexity(on: heldOut)
        #expect(tokens == 599)
        #expect(reports.last?.validationPerplexity == perplexity)
        #expect(Set(reports.compactMap(\.validationPerplexity)).count == 4)
    }

    /// A long one is read as strands side by side, which hardly matters.
    @Test func aLongHeldOutTextIsEvaluatedAlmostAsOneSequence() async throws {
        let corpus = try TestTraining.corpus(length: 40_000)
        let trainer = try Trainer(
            corpus: corpus, model: TestTraining.model,
            options: TestTraining.options(epochs: 1, validationFraction: 0.5))
        let reports = try await trainer.runToEnd().reports
        let heldOut = try #require(try corpus.split(validationFraction: 0.5).validation)
        let (perplexity, tokens) = try trainer.languageModel().heldOutPerplexity(on: heldOut)
        #expect(tokens == 19_999)
        let validation = try #require(reports.last?.validationPerplexity)
        #expect(abs(validation / perplexity - 1) < 1e-3)
        #expect(validation != perplexity)
    }

    @Test func theHeldOutTextDoesNotTrain() async throws {
        // The same beginning with another end of the same letters: nothing but the validation may differ.
        let text = String(repeating: "abcabd", count: 50)
        let runs = try await [text + "abcabdabcabdabcabd", text + "aaaaaabbbbbbcccddd"]
            .asyncMap { text in
                let trainer = try Trainer(
                    corpus: Corpus(text: text), model: TestTraining.model,
                    options: TestTraining.options(validationFraction: 18.0 / 318))
                return try await trainer.runToEnd().reports
            }
        #expect(runs[0].map(\.perplexity) == runs[1].map(\.perplexity))
        #expect(runs[0].map(\.validationPerplexity) != runs[1].map(\.validationPerplexity))
    }

    @Test func windowsBehindThoseThatTrainValidate() async throws {
        let corpus = try TestTraining.corpus()
        var options = TestTraining.options(epochs: 2, partitioning: .windows)
        options.validationWindows = 30
        let trainer = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()

        let reference = try ReferenceEngine(
            configuration: TestTraining.model, parameters: trainer.languageModel().parameters)
        let source = try corpus.tokens.validationWindows(
            batchSize: 4, sequenceLength: 5, after: 150, windowCount: 30)
        var minibatch = Minibatch()
        var (nats, tokens) = (0.0, 0)
        for index in 0..<source.count {
            source.fill(&minibatch, at: index)
            nats += try reference.evaluate(minibatch)
            tokens += minibatch.tokenCount
        }
        let perplexity = try #require(events.reports.last?.validationPerplexity)
        #expect(tokens == 150)
        #expect(abs(perplexity / exp(nats / Double(tokens)) - 1) < 1e-5)
        if case .started(let plan) = events.first { #expect(plan.validationTokens == 150) }
    }

    @Test func nothingIsHeldOutUnlessSaid() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model, options: TestTraining.options())
        let reports = try await trainer.runToEnd().reports
        #expect(reports.allSatisfy { $0.validationPerplexity == nil })
    }

    // MARK: Stopping

    @Test func aCanceledTaskTakesNoStep() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model,
            options: TestTraining.options(epochs: .max))
        let before = try trainer.snapshot()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await trainer.runToEnd()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try trainer.snapshot() == before)
    }

    @Test func aRunWithoutEndCanBeCanceled() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model,
            options: TestTraining.options(epochs: .max))
        let task = Task { try await trainer.runToEnd() }
        try await Task.sleep(for: .milliseconds(10))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        _ = try trainer.languageModel()
    }

    /// More runs than there are threads for tasks, and one more task that must have its turn.
    @Test func manyRunsWithoutEndLetAnotherTaskCancelThem() async throws {
        let count = 2 * ProcessInfo.processInfo.activeProcessorCount
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                let trainer = try Trainer(
                    corpus: TestTraining.corpus(), model: TestTraining.model,
                    options: TestTraining.options(epochs: .max), engine: .cpu(threads: 1))
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await trainer.runToEnd() }
                }
            }
            try await Task.sleep(for: .milliseconds(10))
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func cancellationIsNoticedDuringValidation() async throws {
        // A few steps of training, and a text to validate on that would take long.
        let corpus = try Corpus(text: String(repeating: "abcd", count: 100_000))
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(hiddenSize: 256),
            options: TrainingOptions(
                epochs: 1, batchSize: 1, sequenceLength: 2, validationFraction: 1 - 8.0 / 400_000))
        let task = Task { try await trainer.runToEnd() }
        // From a thread of its own: tests beside this one may hold all threads that run tasks.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 0.05)
            task.cancel()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    // MARK: Divergence

    @Test(arguments: [nil, 1] as [Float?], [TanhCell.self, ReLUCell.self] as [any RecurrentCell.Type])
    func aStepTooLargeDivergesAndKeepsTheCheckpoint(bound: Float?, cell: any RecurrentCell.Type) async throws
    {
        let folder = try TemporaryFolder()
        let corpus = try TestTraining.corpus()
        var options = TestTraining.options(epochs: 50)
        options.optimizer = Optimizer(learningRate: 1e30, maxGradientNorm: bound)
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(cell: cell, hiddenSize: 9), options: options)
        try trainer.saveCheckpoint(to: folder("model"))
        let before = try Snapshot(of: folder("model"))
        do {
            try await trainer.runToEnd()
            Issue.record("did not diverge")
        } catch let error as TrainingError {
            guard case .diverged = error else {
                Issue.record("\(error)")
                return
            }
            #expect(error.description.contains("learning rate"))
            #expect(!error.description.contains("\n"))
        }
        #expect(try Snapshot(of: folder("model")) == before)
        #expect(
            try LanguageModel(contentsOf: folder("model")).parameters.entries.allSatisfy { entry in
                entry.values.allSatisfy(\.isFinite)
            })
        _ = try Trainer(resuming: folder("model"), corpus: corpus)
    }

    @Test func everyPerplexityIsANumber() async throws {
        // Large steps: losses that exp() cannot hold are divergence, and all else is finite.
        for exponent in 0..<12 {
            var options = TestTraining.options(epochs: 3, validationFraction: 0.2)
            options.optimizer = Optimizer(
                learningRate: Float(pow(10, Double(exponent))), maxGradientNorm: exponent % 2 == 0 ? 1 : nil
            )
            let trainer = try Trainer(
                corpus: TestTraining.corpus(), model: TestTraining.model, options: options)
            var events: [TrainingEvent] = []
            do {
                for try await event in trainer.run() { events.append(event) }
            } catch TrainingError.diverged {}
            #expect(
                events.reports.allSatisfy { report in
                    report.perplexity.isFinite && report.validationPerplexity?.isFinite ?? true
                        && report.gradientNorm.isFinite
                })
        }
    }
}

extension Sequence {
    /// The results of one call after the other.
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows
        -> [Result]
    {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
