import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Runs whose model has n-grams beside the network.
@Suite struct NGramTrainingTests {
    private static var model: ModelConfiguration {
        var model = TestTraining.model
        model.ngrams = NGramConfiguration(order: 4, weight: 0.3)
        return model
    }

    @Test func theNetworkIsTheSameAndTheModelIsBetter() async throws {
        let corpus = try TestTraining.corpus()
        let options = TestTraining.options(validationFraction: 0.2)
        let alone = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let both = try Trainer(corpus: corpus, model: Self.model, options: options)
        let (reports, others) = (try await alone.runToEnd().reports, try await both.runToEnd().reports)
        for (report, other) in zip(reports, others) {
            #expect(other.perplexity == report.perplexity)
            #expect(try #require(other.validationPerplexity) < (try #require(report.validationPerplexity)))
        }
        let (model, plain) = (try both.languageModel(), try alone.languageModel())
        #expect(model.parameters == plain.parameters)
        // Only the training text is counted.
        let expected = try NGramModel(
            of: both.parts.training.tokens, vocabularySize: corpus.vocabulary.count, order: 4)
        #expect(model.ngrams == expected)
        #expect(try model.fingerprint != plain.fingerprint)
    }

    @Test func theHeldOutPerplexityIsThatOfTheModel() async throws {
        let corpus = try TestTraining.corpus(length: 3000)
        let trainer = try Trainer(
            corpus: corpus, model: Self.model,
            options: TestTraining.options(epochs: 1, validationFraction: 0.5))
        let report = try #require(try await trainer.runToEnd().reports.last)
        let model = try trainer.languageModel()
        let heldOut = try #require(trainer.parts.validation)
        // The first token is given in one, and predicted after a line feed in the other.
        let evaluation = try model.evaluate(on: heldOut)
        let found = try #require(report.validationPerplexity)
        #expect(abs(found / evaluation.perplexity - 1) < 0.01)
    }

    @Test func aRunGoesOnInEveryBit() async throws {
        let corpus = try TestTraining.corpus()
        let options = TestTraining.options(epochs: 6, validationFraction: 0.2)
        let whole = try Trainer(corpus: corpus, model: Self.model, options: options)
        let results = try await whole.runToEnd().results
        let folder = try TemporaryFolder()
        let first = try Trainer(corpus: corpus, model: Self.model, options: options)
        try await first.run(epochs: 3)
        let writer = try CheckpointWriter(first, folder: folder("model"), policy: .init(count: 2))
        try await writer.finish()
        let second = try Trainer(resuming: folder("model"), corpus: corpus)
        #expect(try await second.runToEnd().results == Array(results.dropFirst(3)))
        #expect(try second.snapshot() == whole.snapshot())
        // Checkpoints that are kept have the counts too.
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder("model/checkpoints").path)
        let third = try Trainer(
            resuming: folder("model/checkpoints/\(try #require(kept.first))"), corpus: corpus)
        #expect(try await third.runToEnd().results == Array(results.dropFirst(3)))
        #expect(try LanguageModel(contentsOf: folder("model")).ngrams == whole.languageModel().ngrams)
    }
}
