import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Whether a run that asks its engine for several steps at once is the run that asks for each.
@Suite struct RunLengthTests {
    private func trainer(
        length: Int, corpus: Corpus, model: ModelConfiguration = TestTraining.model, options: TrainingOptions
    ) throws -> Trainer {
        let trainer = try Trainer(
            corpus: corpus, model: model, options: options, engine: .cpu(threads: 1))
        trainer.withEngine { engine in (engine as? CPUEngine)?.preferredRunLength = length }
        return trainer
    }

    @Test(arguments: [2, 7, 1000]) func theLengthChangesNoBit(length: Int) async throws {
        let corpus = try TestTraining.corpus(length: 3_000)
        var options = TestTraining.options(epochs: 4, validationFraction: 0.2)
        options.validationSteps = 5
        options.regularization.dropout = 0.1
        options.schedule = .init(.cosine(finalRate: 0.1), warmUpSteps: 3)
        let single = try trainer(length: 1, corpus: corpus, options: options)
        let several = try trainer(length: length, corpus: corpus, options: options)
        let expected = try await single.runToEnd()
        let events = try await several.runToEnd()
        #expect(events.results == expected.results)
        #expect(
            events.validations.map(\.validationPerplexity) == expected.validations.map(\.validationPerplexity)
        )
        #expect(try several.snapshot() == single.snapshot())
    }

    /// Skipped minibatches and returns to good parameters happen at the same steps.
    @Test func theGuardsWorkInsideARun() async throws {
        let corpus = try TestTraining.corpus()
        var options = TestTraining.options(epochs: 12, validationFraction: 0.2)
        options.optimizer = Optimizer(learningRate: 1e4, maxGradientNorm: nil)
        options.maxRecoveries = 40
        let model = ModelConfiguration(cell: ReLUCell.self, hiddenSize: 9)
        let single = try trainer(length: 1, corpus: corpus, model: model, options: options)
        let several = try trainer(length: 9, corpus: corpus, model: model, options: options)
        let expected = try await single.runToEnd()
        let events = try await several.runToEnd()
        #expect(events.notices.map(\.description) == expected.notices.map(\.description))
        #expect(events.results == expected.results)
        #expect(try several.snapshot() == single.snapshot())
    }
}
