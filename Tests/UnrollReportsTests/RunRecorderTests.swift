import Foundation
import Testing
import UnrollBase
import UnrollKernels
import UnrollModel
import UnrollReports
import UnrollTestSupport
import UnrollText
import UnrollTraining

@Suite struct RunRecorderTests {
    private let folder: TemporaryFolder
    private var model: URL { folder("model") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func run(in folder: URL? = nil) throws -> Run {
        try Run(contentsOf: folder ?? model, name: "model")
    }

    @Test func samplesAreOfEpochsThatDoubleAndOfTheLast() async throws {
        try await TestRuns.run(try TestRuns.trainer(epochs: 11), in: model)
        let samples = try run().samples
        #expect(samples.map(\.epoch) == [1, 2, 4, 8, 11])
        #expect(samples.allSatisfy { $0.prompt == "the " && $0.text.count == 120 })
        let last = try TestRuns.trainer(epochs: 11)
        for try await _ in last.run() {}
        #expect(
            try await last.languageModel().sample(after: "the ", precision: .float32) == samples.last?.text)
    }

    @Test func recordingDoesNotDisturbTraining() async throws {
        let recorded = try TestRuns.trainer(epochs: 5)
        try await TestRuns.run(recorded, in: model, TestRuns.recording(tensorBoard: folder("events")))
        let plain = try TestRuns.trainer(epochs: 5)
        for try await _ in plain.run() {}
        #expect(try recorded.languageModel().parameters == plain.languageModel().parameters)
    }

    @Test func withoutAPromptThereAreNoSamples() async throws {
        try await TestRuns.run(
            try TestRuns.trainer(epochs: 2), in: model, TestRuns.recording(prompt: nil))
        #expect(try folder.names(in: "model").contains("samples.jsonl") == false)
    }

    @Test func aResumedRunHasWhatAWholeOneHas() async throws {
        let (events, whole) = (folder("events"), folder("whole"))
        try await TestRuns.run(
            try TestRuns.trainer(epochs: 9), in: whole, TestRuns.recording(tensorBoard: folder("other")))

        // The checkpoint has three epochs; two more are lost, with their sample and metrics.
        let first = try TestRuns.trainer(epochs: 9)
        try await TestRuns.run(
            first, in: model, TestRuns.recording(tensorBoard: events), stoppingAfter: 3)
        try first.saveCheckpoint(to: model)
        let text = String(repeating: "the time traveller went into the garden.\n", count: 12)
        for limit in [2, nil] {
            let trainer = try Trainer(
                resuming: model, corpus: try Corpus(text: text), engine: .cpu(threads: 1))
            try await TestRuns.run(
                trainer, in: model, TestRuns.recording(tensorBoard: events, isResumed: true),
                stoppingAfter: limit)
            if limit != nil { #expect(try run().samples.map(\.epoch) == [1, 2, 4]) }
        }

        #expect(try run().samples == run(in: whole).samples)
        #expect(try run().sessions.count == 3)
        let files = try folder.names(in: "events").sorted().map {
            try EventFileReader(folder("events/\($0)"))
        }
        #expect(files.count == 3)
        // What TensorBoard does: a start takes back what was said of its step and of those after.
        var curve: [[Double]] = []
        for event in files.flatMap(\.events) {
            if event.isStart { curve.removeAll { $0[0] >= Double(event.step) } }
            if let value = event.scalars["perplexity/training"] {
                curve.append([Double(event.step), Double(value)])
            }
        }
        #expect(
            try curve == run().metrics.map { [Double($0.step ?? $0.epoch), Double(Float($0.perplexity))] })
    }

    @Test func eventFilesHaveTheNumbersOfTheMetrics() async throws {
        try await TestRuns.run(
            try TestRuns.trainer(epochs: 3), in: model, TestRuns.recording(tensorBoard: folder("events")))
        let name = try #require(try folder.names(in: "events").first)
        let file = try EventFileReader(folder("events/\(name)"))
        let metrics = try run().metrics
        func expect(_ tag: String, _ value: (EpochMetrics) -> Double?) {
            let expected = metrics.map {
                [Double($0.step ?? $0.epoch), Double(Float(value($0) ?? .nan))]
            }
            #expect(file.scalars(tag) == expected, "\(tag)")
        }
        expect("perplexity/training") { $0.perplexity }
        expect("perplexity/validation") { $0.validationPerplexity }
        expect("loss/training") { log($0.perplexity) }
        expect("loss/validation") { $0.validationPerplexity.map(log) }
        expect("gradient_norm") { $0.gradientNorm }
        expect("learning_rate") { $0.learningRate ?? 1 }
        expect("tokens_per_second") { $0.tokensPerSecond }
        let samples = file.events.compactMap { $0.texts["sample"] }
        #expect(samples.count == 3 && samples.allSatisfy { $0.hasPrefix("    the ") })
        let configuration = file.events.compactMap { $0.texts["configuration"] }
        #expect(configuration.count == 1 && configuration[0].contains("| hiddenSize | 8 |"))
    }

    @Test func theEnvironmentNamesNoPlaceAndNoPerson() async throws {
        try await TestRuns.run(try TestRuns.trainer(epochs: 1), in: model)
        let session = try #require(try run().sessions.first)
        #expect(session.unroll == "1.2.3")
        #expect(session.threads == 1 && session.logicalProcessors >= 1)
        #expect(session.engine.hasPrefix("cpu ("))
        #expect(!session.processor.isEmpty && !session.operatingSystem.isEmpty)
        #expect((try? Date(session.started, strategy: .iso8601)) != nil)
        let text = try String(contentsOf: folder("model/environment.json"), encoding: .utf8)
        for secret in [
            ProcessInfo.processInfo.hostName, NSUserName(), FileManager.default.currentDirectoryPath,
        ] where secret.count > 4 {
            #expect(!text.contains(secret), "\(secret)")
        }
    }

    @Test func aDamagedEnvironmentDoesNotStopARun() async throws {
        let trainer = try TestRuns.trainer(epochs: 1)
        try trainer.saveCheckpoint(to: model)
        try folder.write("{", to: "model/environment.json")
        try await TestRuns.run(trainer, in: model)
        #expect(try run().sessions.count == 1)
    }
}
