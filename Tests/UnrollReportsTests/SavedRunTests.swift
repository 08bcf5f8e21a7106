import Foundation
import Testing
import UnrollModel
import UnrollReports
import UnrollTestSupport
import UnrollTraining

/// What a report says is on the disk.
@Suite struct SavedRunTests {
    private let folder: TemporaryFolder
    private var model: URL { folder("model") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func run() throws -> Run {
        try Run(contentsOf: model, name: "model")
    }

    /// Trains with a writer to the end, or leaves as a kill does after so many epochs.
    private func train(epochs: Int, killedAfter limit: Int? = nil, _ policy: CheckpointPolicy) async throws {
        let trainer = try TestRuns.trainer(epochs: epochs)
        try trainer.saveCheckpoint(to: model)
        let writer = try CheckpointWriter(trainer, folder: model, policy: policy)
        for try await event in trainer.run() {
            try writer.follow(event)
            if case .epoch(let report) = event, report.epoch == limit {
                await writer.wait()
                return
            }
        }
        try await writer.finish()
    }

    @Test func whatAKillHasLeftIsSaid() async throws {
        try await train(epochs: 9, killedAfter: 5, CheckpointPolicy(seconds: nil))
        let run = try run()
        #expect(run.metrics.count == 5)
        #expect(run.completedEpochs == 0 && run.best == nil && run.final == nil)
        #expect(run.saved.model == TrainingMoment(epoch: 0, step: 0))
        #expect(run.saved.checkpoint == TrainingMoment(epoch: 0, step: 0))
        #expect(run.saved.best == nil && run.saved.log?.epoch == 5)
        #expect(
            run.notes == [
                "the log goes to epoch 5, but the saved model is untrained: what was learned after it is lost, "
                    + "unless the run is still going on"
            ])
        let page = PageReader(Report([run]).html)
        #expect(page.isWellFormed)
        #expect(page.cell(after: "epochs") == "0 of 9")
        #expect(page.cell(after: "saved model") == "untrained")
        #expect(page.cell(after: "best model") == "none saved")
        #expect(page.text.contains("what was learned after it is lost"))
    }

    @Test func aFinishedRunHasLostNothing() async throws {
        try await train(epochs: 4, CheckpointPolicy(seconds: 0, count: 2))
        let run = try run()
        #expect(run.notes.isEmpty && run.saved.loss == nil)
        #expect(run.saved.model?.epoch == 4 && run.saved.model == run.saved.checkpoint)
        #expect(run.saved.log == run.saved.model)
        let best = try #require(run.saved.best?.moment)
        #expect(best.step == run.best?.step && best.validationPerplexity == run.best?.perplexity)
        #expect(run.isBestSaved)
        #expect(run.saved.kept.count == 2 && run.saved.kept.last?.moment == run.saved.model)
        #expect(try LanguageModel(contentsOf: model.appending(path: "best")).moment == best)
    }

    @Test func aBestModelThatIsGoneIsNotClaimed() async throws {
        try await train(epochs: 4, CheckpointPolicy(seconds: 0))
        let file = model.appending(path: "best/model.safetensors")
        let data = try Data(contentsOf: file)
        for damage in [data.prefix(100), Data()] {
            try damage.write(to: file)
            #expect(try run().saved.best == nil)
        }
        try FileManager.default.removeItem(at: model.appending(path: "best"))
        // A later line that is worse, so that the best is not the model in the folder.
        let run = try run()
        let page = PageReader(Report([run]).html)
        #expect(run.saved.best == nil && page.cell(after: "best model") == "none saved")
        let claim = try #require(page.cell(after: "best validation perplexity"))
        #expect(claim.hasSuffix("(its model is not saved)") != run.isBestSaved)
    }

    @Test func linesAfterTheCheckpointDoNotCountInComparisons() async throws {
        try await train(epochs: 3, CheckpointPolicy(seconds: 0))
        let before = try run()
        let metrics = model.appending(path: "metrics.jsonl")
        let text = try String(contentsOf: metrics, encoding: .utf8)
        try folder.write(
            text + #"{"epoch":4,"perplexity":1.1,"validationPerplexity":1.01,"step":100000}"# + "\n",
            to: "model/metrics.jsonl")
        let run = try run()
        #expect(run.metrics.count == before.metrics.count + 1)
        #expect(run.best == before.best && run.final == before.final && run.completedEpochs == 3)
        #expect(
            run.saved.loss?.hasPrefix("the log goes to epoch 4, but the saved model is of epoch 3") == true)
    }
}
