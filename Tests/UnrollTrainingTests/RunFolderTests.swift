import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Which folders a run writes to and removes, and which it leaves alone.
@Suite struct RunFolderTests {
    private let folder: TemporaryFolder
    private let corpus: Corpus
    private var model: URL { folder("model") }

    init() throws {
        folder = try TemporaryFolder()
        corpus = try TestTraining.corpus()
    }

    private func trainer(epochs: Int) throws -> Trainer {
        try Trainer(
            corpus: corpus, model: TestTraining.model,
            options: TestTraining.options(epochs: epochs, validationFraction: 0.2))
    }

    /// Trains to the end with a checkpoint at every event; returns the steps of the checkpoints.
    @discardableResult
    private func train(_ trainer: Trainer, in folder: URL, keeping count: Int = 1) async throws -> [Int] {
        let writer = try CheckpointWriter(trainer, folder: folder, policy: .init(seconds: 0, count: count))
        var steps: [Int] = []
        for try await event in trainer.run() {
            if let note = try writer.follow(event) { steps.append(note.step) }
            await writer.wait()
        }
        try await writer.finish()
        return steps
    }

    private func name(_ step: Int) -> String { String(format: "step-%06d", step) }

    /// Everything in a folder, by its path in it.
    private func contents(of url: URL) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: url.path) {
            contents[path] = FileManager.default.contents(atPath: url.appending(path: path).path) ?? Data()
        }
        return contents
    }

    private func reports(in folder: URL) throws -> [EpochReport] {
        try String(contentsOf: folder.appending(path: "metrics.jsonl"), encoding: .utf8)
            .split(separator: "\n").map { try JSONDecoder().decode(EpochReport.self, from: Data($0.utf8)) }
    }

    // MARK: Rotation

    @Test func onlyTheRunsOwnCheckpointsAreRemoved() async throws {
        let steps = try await train(trainer(epochs: 3), in: model, keeping: 2)
        #expect(try folder.names(in: "model/checkpoints") == Set(steps.suffix(2).map(name)))
        // Of the user, of another run with more steps, and of one with fewer.
        let others = ["mine", "step-mine", name(1), name(999_999)]
        let last = try #require(steps.last)
        for other in others {
            try FileManager.default.copyItem(
                at: folder("model/checkpoints/\(name(last))"), to: folder("model/checkpoints/\(other)"))
        }
        let before = try others.map { try contents(of: folder("model/checkpoints/\($0)")) }
        let resumed = try Trainer(resuming: model, corpus: corpus, epochs: 6)
        let later = try await train(resumed, in: model, keeping: 2)
        #expect(later.count >= 3)
        #expect(
            try folder.names(in: "model/checkpoints") == Set(later.suffix(2).map(name)).union(others))
        #expect(try others.map { try contents(of: folder("model/checkpoints/\($0)")) } == before)
    }

    @Test func aNameThatIsTakenIsLeftAlone() async throws {
        let plain = try await train(trainer(epochs: 2), in: folder("plain"), keeping: 2)
        let last = name(try #require(plain.last))
        try FileManager.default.createDirectory(
            at: folder("model/checkpoints/\(last)"), withIntermediateDirectories: true)
        try folder.write("precious", to: "model/checkpoints/\(last)/notes")
        try await train(trainer(epochs: 2), in: model, keeping: 2)
        #expect(try folder.names(in: "model/checkpoints/\(last)") == ["notes"])
        #expect(try folder.names(in: "model/checkpoints").contains("\(last)-2"))
        _ = try Trainer(resuming: folder("model/checkpoints/\(last)-2"), corpus: corpus)
        // It is the run's own, and goes when it is old.
        try await train(
            Trainer(resuming: model, corpus: corpus, epochs: 6), in: model, keeping: 2)
        let names = try folder.names(in: "model/checkpoints")
        #expect(names.contains(last) && !names.contains("\(last)-2") && names.count == 3)
    }

    @Test func fewerCanBeKeptLater() async throws {
        try await train(trainer(epochs: 4), in: model, keeping: 4)
        #expect(try folder.names(in: "model/checkpoints").count == 4)
        let steps = try await train(
            Trainer(resuming: model, corpus: corpus, epochs: 5), in: model, keeping: 2)
        let names = try folder.names(in: "model/checkpoints")
        let last = name(try #require(steps.last))
        #expect(names.count == 2 && names.contains(last))
    }

    // MARK: Going on elsewhere

    @Test func aKeptCheckpointGoesOnInANewFolder() async throws {
        let steps = try await train(trainer(epochs: 6), in: model, keeping: 4)
        let whole = try contents(of: model)
        let kept = folder("model/checkpoints/\(name(steps[steps.count - 4]))")
        let refused = try Trainer(resuming: kept, corpus: corpus)
        let writer = try CheckpointWriter(refused, folder: kept)
        await #expect(throws: TrainingError.self) {
            for try await event in refused.run() { try writer.follow(event) }
        }
        let resumed = try Trainer(resuming: kept, corpus: corpus)
        let done = resumed.options.epochs
        try await train(resumed, in: folder("other"), keeping: 2)
        #expect(try contents(of: model) == whole)
        #expect(try Snapshot(of: folder("other")) == Snapshot(of: model))
        #expect(try reports(in: folder("other")).map(\.epoch) == Array(1...done))
        #expect(
            try reports(in: folder("other")).map(\.perplexity) == reports(in: model).map(\.perplexity))
        #expect(
            try Data(contentsOf: folder("other/best/model.safetensors"))
                == Data(contentsOf: folder("model/best/model.safetensors")))
        // The checkpoints of the one are not those of the other.
        #expect(try folder.names(in: "other/checkpoints").count == 2)
    }

    @Test func aRunGoesOnInAnotherFolderAsItsCopy() async throws {
        try await train(trainer(epochs: 3), in: model)
        let before = try contents(of: model)
        try FileManager.default.createDirectory(at: folder("empty"), withIntermediateDirectories: false)
        for other in ["new", "empty"] {
            let resumed = try Trainer(resuming: model, corpus: corpus, epochs: 5)
            let writer = try CheckpointWriter(resumed, folder: folder(other))
            for try await event in resumed.run() {
                try writer.follow(event)
                guard case .started = event else { continue }
                // The copy is whole before anything is learned.
                #expect(try Snapshot(of: folder(other)) == Snapshot(of: model))
                #expect(try reports(in: folder(other)) == reports(in: model))
                #expect(
                    try Data(contentsOf: folder("\(other)/best/model.safetensors"))
                        == before["best/model.safetensors"])
            }
            try await writer.finish()
            #expect(try reports(in: folder(other)).map(\.epoch) == [1, 2, 3, 4, 5])
        }
        #expect(try contents(of: model) == before)
        #expect(try Snapshot(of: folder("new")) == Snapshot(of: folder("empty")))
    }

    @Test func aRunThatAnotherProcessWritesCanBeCopied() async throws {
        let first = try trainer(epochs: 4)
        let writer = try CheckpointWriter(first, folder: model, policy: .init(seconds: 0))
        for try await event in first.run() {
            try writer.follow(event)
            if case .epoch(let report) = event, report.epoch == 2 { break }
        }
        await writer.wait()
        let before = try contents(of: model)
        try await train(Trainer(resuming: model, corpus: corpus), in: folder("copy"))
        #expect(try contents(of: model) == before)
        for try await event in first.run() { try writer.follow(event) }
        try await writer.finish()
        #expect(try reports(in: model).map(\.epoch) == [1, 2, 3, 4])
        #expect(try Snapshot(of: folder("copy")) == Snapshot(of: model))
    }

    // MARK: Two writers

    @Test func aSecondWriterIsRefusedUntilTheFirstHasFinished() async throws {
        let first = try trainer(epochs: 2)
        let writer = try CheckpointWriter(first, folder: model)
        let events = first.run().makeAsyncIterator()
        let started = try #require(try await events.next())
        try writer.follow(started)
        let before = try contents(of: model)
        let inUse = FileError.inUse(
            path: model.path, process: Int(ProcessInfo.processInfo.processIdentifier), host: nil)
        for other in [try trainer(epochs: 2), try Trainer(resuming: model, corpus: corpus)] {
            let second = try CheckpointWriter(other, folder: model)
            #expect(throws: inUse) { try second.follow(started) }
            await #expect(throws: inUse) { try await second.finish() }
            #expect(throws: inUse) { try other.saveCheckpoint(to: model) }
        }
        #expect(try contents(of: model) == before)
        while let event = try await events.next() { try writer.follow(event) }
        try await writer.finish()
        #expect(!(try folder.names(in: "model").contains("run.lock")))
        try await train(Trainer(resuming: model, corpus: corpus, epochs: 3), in: model)
        #expect(try reports(in: model).map(\.epoch) == [1, 2, 3])
    }

    @Test func ofTwoNewRunsOneHasTheFolder() async throws {
        let trainers = try (0..<2).map { _ in try trainer(epochs: 1) }
        let writers = try trainers.map { try CheckpointWriter($0, folder: model) }
        let started = try #require(try await trainers[0].runToEnd().first)
        try writers[0].follow(started)
        #expect(throws: FileError.self) { try writers[1].follow(started) }
    }
}
