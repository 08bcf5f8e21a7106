import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Checkpoints that are written while training goes on.
@Suite struct CheckpointWriterTests {
    private let folder: TemporaryFolder
    private var model: URL { folder("model") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func trainer(epochs: Int = 8, validation: Double? = 0.2) throws -> Trainer {
        try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model,
            options: TestTraining.options(epochs: epochs, validationFraction: validation))
    }

    @Test func itIsTheCheckpointThatSavingMakes() async throws {
        let trainer = try trainer()
        try trainer.saveCheckpoint(to: model)
        let writer = try CheckpointWriter(trainer, folder: model, policy: .init(seconds: 0))
        var notes: [CheckpointNote] = []
        for try await event in trainer.run() {
            if let note = try writer.follow(event) {
                notes.append(note)
                await writer.wait()
                // What was written is the run as it is now, and can be resumed.
                #expect(try Snapshot(of: model) == trainer.snapshot())
            }
        }
        #expect(notes.count >= 8)
        #expect(zip(notes, notes.dropFirst()).allSatisfy { $0.step < $1.step })
        #expect(notes.allSatisfy { $0.pausedSeconds > 0 })
        try await writer.finish()
        #expect(try Snapshot(of: model) == trainer.snapshot())
        let lines = try String(contentsOf: model.appending(path: "metrics.jsonl"), encoding: .utf8)
        #expect(lines.split(separator: "\n").count == 8)
    }

    @Test func aRunThatNeedsANewFolderTakesNoneThatAnotherHasFinished() throws {
        try trainer().saveCheckpoint(to: model)
        let before = try Snapshot(of: model)
        let writer = try CheckpointWriter(trainer(), folder: model, policy: .init())
        #expect(throws: ModelFolderError.holdsAnotherModel(path: model.path)) {
            try writer.start(mustBeNew: true)
        }
        #expect(try Snapshot(of: model) == before)
        #expect(!(try folder.names(in: "model").contains("run.lock")))
        try writer.start()
    }

    @Test func nothingIsWrittenBeforeItIsDue() async throws {
        let trainer = try trainer()
        try trainer.saveCheckpoint(to: model)
        let before = try Snapshot(of: model)
        let writer = try CheckpointWriter(trainer, folder: model, policy: .init(seconds: 3600))
        for try await event in trainer.run() { #expect(try writer.follow(event) == nil) }
        await writer.wait()
        #expect(try Snapshot(of: model) == before)
        try await writer.finish()
        #expect(try Snapshot(of: model) == trainer.snapshot())
    }

    @Test func stepsBetweenCheckpointsAreCounted() async throws {
        let trainer = try trainer()
        try trainer.saveCheckpoint(to: model)
        let writer = try CheckpointWriter(trainer, folder: model, policy: .init(seconds: nil, steps: 50))
        var steps: [Int] = []
        for try await event in trainer.run() {
            if let note = try writer.follow(event) {
                steps.append(note.step)
                await writer.wait()
            }
        }
        #expect(steps.count >= 2)
        #expect(zip(steps, [0] + steps).allSatisfy { $0 - $1 >= 50 })
    }

    @Test func theLastOnesAreKeptAndEachIsWhole() async throws {
        let corpus = try TestTraining.corpus()
        let trainer = try trainer()
        try trainer.saveCheckpoint(to: model)
        let writer = try CheckpointWriter(trainer, folder: model, policy: .init(seconds: 0, count: 3))
        var steps: [Int] = []
        for try await event in trainer.run() {
            if let note = try writer.follow(event) { steps.append(note.step) }
            await writer.wait()
        }
        try await writer.finish()
        let end = try trainer.snapshot()
        let kept = steps.suffix(3).map { String(format: "step-%06d", $0) }
        #expect(try folder.names(in: "model/checkpoints") == Set(kept))
        for name in kept {
            let copy = folder("model/checkpoints/\(name)")
            _ = try LanguageModel(contentsOf: copy)
            let resumed = try Trainer(resuming: copy, corpus: corpus)
            try await resumed.runToEnd()
            #expect(try resumed.snapshot() == end)
            // Going on from it changes neither the others nor the folder.
            try resumed.saveCheckpoint(to: copy)
        }
        #expect(try Snapshot(of: model) == end)
    }

    @Test func theBestModelIsKept() async throws {
        let corpus = try Corpus(
            text: String(repeating: "abcabd", count: 50) + String(repeating: "dbacda", count: 10))
        let trainer = try Trainer(
            corpus: corpus, model: TestTraining.model,
            options: TestTraining.options(epochs: 20, validationFraction: 60.0 / 360))
        try trainer.saveCheckpoint(to: model)
        let writer = try CheckpointWriter(trainer, folder: model)
        var reports: [EpochReport] = []
        for try await event in trainer.run() {
            try writer.follow(event)
            reports += [event].reports
        }
        try await writer.finish()
        let best = try LanguageModel(contentsOf: folder("model/best"))
        let heldOut = try #require(try corpus.split(validationFraction: 60.0 / 360).validation)
        let perplexities = reports.compactMap(\.validationPerplexity)
        #expect(try best.heldOutPerplexity(on: heldOut).perplexity == perplexities.min())
        #expect(perplexities.min() != perplexities.last)
        let last = try LanguageModel(contentsOf: model)
        #expect(try last.heldOutPerplexity(on: heldOut).perplexity == perplexities.last)
    }

    @Test func withoutValidationThereIsNoBest() async throws {
        let trainer = try trainer(validation: nil)
        try trainer.saveCheckpoint(to: model)
        let writer = try CheckpointWriter(trainer, folder: model, policy: .init(seconds: 0))
        for try await event in trainer.run() { try writer.follow(event) }
        try await writer.finish()
        #expect(!(try folder.names(in: "model").contains("best")))
    }

    @Test func whatCannotBeWrittenIsSaidAndDoesNotStopTraining() async throws {
        let trainer = try trainer()
        try trainer.saveCheckpoint(to: model)
        // A file where a folder is needed.
        try folder.write("", to: "model/best")
        let writer = try CheckpointWriter(trainer, folder: model, policy: .init(seconds: 0))
        var errors = 0
        var epochs = 0
        for try await event in trainer.run() {
            if case .epoch = event { epochs += 1 }
            do {
                try writer.follow(event)
            } catch {
                #expect("\(error)".contains("best"))
                errors += 1
            }
            await writer.wait()
        }
        #expect(epochs == 8)
        #expect(errors >= 7)
        await #expect(throws: TrainingError.self) { try await writer.finish() }
        // Once there is room, the best model is not lost.
        try FileManager.default.removeItem(at: folder("model/best"))
        try await writer.finish()
        _ = try LanguageModel(contentsOf: folder("model/best"))
    }

    @Test func aNewFolderIsMadeWhenTheRunStarts() async throws {
        let trainer = try trainer(epochs: 3)
        let writer = try CheckpointWriter(trainer, folder: folder("new/model"))
        for try await event in trainer.run() {
            try writer.follow(event)
            _ = try LanguageModel(contentsOf: folder("new/model"))
        }
        try await writer.finish()
        #expect(try Snapshot(of: folder("new/model")) == trainer.snapshot())
    }

    @Test func aCanceledRunIsFinishedAsDocumented() async throws {
        let trainer = try trainer(epochs: 100_000_000)
        let folder = model
        let task = Task {
            let writer = try CheckpointWriter(trainer, folder: folder)
            var isCancelled = false
            do {
                for try await event in trainer.run() { try writer.follow(event) }
            } catch is CancellationError {
                isCancelled = true
            }
            try await writer.finish()
            return isCancelled
        }
        while !FileManager.default.fileExists(atPath: folder.appending(path: "metrics.jsonl").path) {
            try await Task.sleep(for: .milliseconds(5))
        }
        task.cancel()
        #expect(try await task.value)
        #expect(try Snapshot(of: folder) == trainer.snapshot())
        _ = try Trainer(resuming: folder, corpus: TestTraining.corpus())
    }

    @Test func theBestModelIsThereWithoutAFolder() async throws {
        let unvalidated = try trainer(epochs: 2, validation: nil)
        try await unvalidated.runToEnd()
        #expect(unvalidated.bestModel == nil)

        let trainer = try trainer(epochs: 30)
        #expect(trainer.bestModel == nil)
        let writer = try CheckpointWriter(trainer, folder: model)
        var best: (perplexity: Double, parameters: ModelParameters)?
        for try await event in trainer.run() {
            try writer.follow(event)
            guard case .epoch(let report) = event, let perplexity = report.validationPerplexity else {
                continue
            }
            if best.map({ perplexity < $0.perplexity }) ?? true {
                best = (perplexity, try trainer.languageModel().parameters)
            }
            #expect(trainer.bestModel?.parameters == best?.parameters)
        }
        try await writer.finish()
        #expect(try LanguageModel(contentsOf: folder("model/best")).parameters == best?.parameters)
    }

    @Test func eventsPrintAsOneLine() async throws {
        let lines = try await trainer(epochs: 2).runToEnd().map { "\($0)" }
        #expect(lines.allSatisfy { !$0.isEmpty && !$0.contains("\n") })
        #expect(lines.first?.hasPrefix("training on ") == true)
        #expect(lines.contains { $0.hasPrefix("epoch 1  perplexity ") && $0.contains("validation ") })
        #expect(lines.last?.hasPrefix("finished after 2 epochs: perplexity ") == true)
    }

    @Test func policiesThatMakeNoSenseAreRefused() throws {
        let trainer = try trainer()
        for (policy, parameter) in [
            (CheckpointPolicy(seconds: -1), "checkpointSeconds"),
            (CheckpointPolicy(seconds: .nan), "checkpointSeconds"),
            (CheckpointPolicy(steps: 0), "checkpointSteps"), (CheckpointPolicy(count: 0), "checkpointCount"),
        ] {
            expectParameterError(parameter) {
                _ = try CheckpointWriter(trainer, folder: model, policy: policy)
            }
        }
    }
}
