import Foundation
import Testing
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Large texts, and texts of their own to validate and to test on.
@Suite struct HeldOutTextTests {
    private let folder: TemporaryFolder
    private let options = TestTraining.options(epochs: 4)

    init() throws {
        folder = try TemporaryFolder()
        let corpus = try TestTraining.corpus(length: 1_000)
        try folder.write(corpus.vocabulary.decode(corpus.tokens), to: "text.txt")
    }

    private func mapped() throws -> Corpus {
        try Corpus(
            .init(
                .files([folder("text.txt")]), cache: folder("model/tokens.cache"), smallestCachedText: 1))
    }

    @Test(arguments: Partitioning.allCases)
    func aRunOnMappedTokensIsTheRunInMemory(partitioning: Partitioning) async throws {
        var options = TestTraining.options(epochs: 4, partitioning: partitioning, validationFraction: 0.1)
        options.testFraction = 0.1
        let whole = try Trainer(
            corpus: Corpus(contentsOf: folder("text.txt")), model: TestTraining.model, options: options)
        let results = try await whole.runToEnd().results

        let first = try Trainer(corpus: mapped(), model: TestTraining.model, options: options)
        try await first.run(epochs: 2)
        try first.saveCheckpoint(to: folder("model"))
        // The text is not needed any more, and not there.
        try FileManager.default.removeItem(at: folder("text.txt"))
        let second = try Trainer(resuming: folder("model"), corpus: mapped())
        #expect(second.options == options)
        #expect(try await second.runToEnd().results == Array(results.dropFirst(2)))
        #expect(try second.snapshot() == whole.snapshot())
    }

    @Test func theTextToTestOnDoesNotTrain() async throws {
        // The same beginning with another end of the same letters: nothing of the run may differ.
        let text = String(repeating: "abcabd", count: 50)
        var options = options
        (options.validationFraction, options.testFraction) = (18.0 / 318, 18.0 / 318)
        var snapshots: [Snapshot] = []
        for end in ["abcabdabcabdabcabd", "aaaaaabbbbbbcccddd"] {
            let trainer = try Trainer(
                corpus: Corpus(text: text + end), model: TestTraining.model, options: options)
            let events = try await trainer.runToEnd()
            guard case .started(let plan) = events.first else {
                Issue.record("no plan")
                return
            }
            #expect(plan.trainingTokens == 282 && plan.validationTokens == 18)
            snapshots.append(try trainer.snapshot())
        }
        #expect(snapshots[0] == snapshots[1])
    }

    @Test func aTextOfItsOwnIsValidatedOn() async throws {
        let corpus = try TestTraining.corpus()
        let other = try Corpus(
            bytes: "the machine traveller in a lamp? ".utf8, name: "other", vocabulary: corpus.vocabulary)
        #expect(other.unknownCount == 1)
        let trainer = try Trainer(
            corpus: corpus, validation: other, model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()
        guard case .started(let plan) = events.first else {
            Issue.record("no plan")
            return
        }
        #expect(plan.trainingTokens == corpus.tokens.count)
        #expect(plan.validationTokens == other.tokens.count)
        let (perplexity, _) = try trainer.languageModel().heldOutPerplexity(on: other)
        #expect(events.reports.last?.validationPerplexity == perplexity)
    }

    @Test func theSameTextsAreResumedAlone() async throws {
        let corpus = try TestTraining.corpus()
        func text(_ text: String) throws -> Corpus {
            try Corpus(bytes: text.utf8, name: "file", vocabulary: corpus.vocabulary)
        }
        let (validation, test) = try (text("the machine"), text("in a lamp"))
        let whole = try Trainer(
            corpus: corpus, validation: validation, test: test, model: TestTraining.model, options: options)
        let results = try await whole.runToEnd().results
        let first = try Trainer(
            corpus: corpus, validation: validation, test: test, model: TestTraining.model, options: options)
        try await first.run(epochs: 2)
        try first.saveCheckpoint(to: folder("model"))
        let second = try Trainer(
            resuming: folder("model"), corpus: corpus, validation: validation, test: test)
        #expect(try await second.runToEnd().results == Array(results.dropFirst(2)))
        for (validation, test) in try [
            (nil, nil), (validation, nil), (nil, test), (test, validation), (validation, text("in the lamp")),
            (text("a machine"), test),
        ] {
            expectError(naming: "text", "of the run") {
                _ = try Trainer(
                    resuming: folder("model"), corpus: corpus, validation: validation, test: test)
            }
        }
    }

    @Test func textsThatContradictEachOtherAreRefused() throws {
        let corpus = try TestTraining.corpus()
        func prepare(
            validation: Corpus? = nil, test: Corpus? = nil, change: (inout TrainingOptions) -> Void
        ) throws {
            var options = options
            change(&options)
            _ = try Trainer(
                corpus: corpus, validation: validation, test: test, model: TestTraining.model,
                options: options)
        }
        expectParameterError("validation") {
            try prepare(validation: corpus) { $0.validationFraction = 0.1 }
        }
        expectParameterError("validation") {
            try prepare(validation: corpus) {
                ($0.partitioning, $0.trainingWindows, $0.validationWindows) = (.windows, 100, 100)
            }
        }
        expectParameterError("test") { try prepare(test: corpus) { $0.testFraction = 0.1 } }
        expectError(naming: "0.001") { try prepare { $0.testFraction = 0.001 } }
        let other = try Corpus(text: "another vocabulary", name: "other.txt")
        expectError(naming: "'other.txt'", "vocabulary") { try prepare(validation: other) { _ in } }
        expectError(naming: "'other.txt'", "vocabulary") { try prepare(test: other) { _ in } }
        let short = try Corpus(bytes: "a".utf8, name: "short", vocabulary: corpus.vocabulary)
        expectError(naming: "nothing to predict") { try prepare(test: short) { _ in } }
    }

    @Test func originsOfSeveralTextsComeBack() throws {
        var origin = CorpusOrigin(
            sources: ["a.txt"], preprocessing: .none, tokens: .words, minimumFrequency: 2, limit: 9)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(
            String(decoding: try encoder.encode(origin), as: UTF8.self)
                == #"{"limit":9,"minimumFrequency":2,"preprocessing":"none","sources":["a.txt"],"tokens":"words"}"#
        )
        origin.sources = ["b", "c", "d"]
        origin.validationSource = "v"
        origin.testSource = "t"
        let again = try JSONDecoder().decode(CorpusOrigin.self, from: encoder.encode(origin))
        #expect(again == origin && again.sources == ["b", "c", "d"])
    }
}
