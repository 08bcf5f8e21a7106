import Foundation
import Testing
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Runs that are resumed when they have nothing left to do.
@Suite struct EndedRunTests {
    private let folder: TemporaryFolder
    /// A text whose end is nothing like its beginning: the better that is learned, the worse it is.
    private let corpus: Corpus

    init() throws {
        folder = try TemporaryFolder()
        corpus = try Corpus(
            text: String(repeating: "abcabd", count: 50) + String(repeating: "dbacda", count: 10))
    }

    /// Trains to the end, early or not, and saves.
    private func train(epochs: Int = 40, _ stopping: EarlyStopping?, to name: String) async throws
        -> [TrainingEvent]
    {
        var options = TestTraining.options(epochs: epochs, validationFraction: 60.0 / 360)
        options.earlyStopping = stopping
        let trainer = try Trainer(corpus: corpus, model: TestTraining.model, options: options)
        let events = try await trainer.runToEnd()
        try trainer.saveCheckpoint(to: folder(name))
        return events
    }

    private func notices(_ events: [TrainingEvent]) -> [TrainingNotice] {
        events.compactMap { if case .notice(let notice) = $0 { notice } else { nil } }
    }

    @Test func aFinishedRunSaysSo() async throws {
        _ = try await train(epochs: 2, nil, to: "model")
        let events = try await Trainer(resuming: folder("model"), corpus: corpus).runToEnd()
        #expect(notices(events) == [.alreadyFinished(epochs: 2)])
        #expect(events.reports == [])
        #expect(events.count == 3, "started, the notice, finished")
        let more = try await Trainer(resuming: folder("model"), corpus: corpus, epochs: 3).runToEnd()
        #expect(!notices(more).contains { $0.kind == .alreadyFinished })
        #expect(more.reports.map(\.epoch) == [3])
    }

    @Test func aRunThatStoppedEarlySaysSo() async throws {
        let events = try await train(EarlyStopping(patience: 2), to: "model")
        let last = try #require(events.reports.last)
        // More epochs alone change nothing: with them it would have stopped as well.
        for epochs in [nil, 80] {
            let again = try await Trainer(resuming: folder("model"), corpus: corpus, epochs: epochs)
                .runToEnd()
            #expect(notices(again) == [.alreadyStopped(epoch: last.epoch, validations: 2)])
            #expect(again.reports == [])
            guard case .finished(let summary) = again.last else {
                Issue.record("\(again)")
                return
            }
            #expect(summary.isStoppedEarly && summary.epochs == last.epoch)
        }
    }

    @Test(arguments: [
        EarlyStopping(patience: 4), EarlyStopping(patience: 2, minimumEpochs: 30),
        EarlyStopping(patience: 1000),
    ])
    func morePatienceGoesOnBitForBit(stopping: EarlyStopping) async throws {
        let whole = try await train(stopping, to: "whole")
        let part = try await train(EarlyStopping(patience: 2), to: "model")
        #expect(part.reports.count < whole.reports.count)
        let trainer = try Trainer(resuming: folder("model"), corpus: corpus, earlyStopping: stopping)
        #expect(trainer.options.earlyStopping == stopping)
        let rest = try await trainer.runToEnd()
        #expect(part.results + rest.results == whole.results)
        #expect(!notices(rest).contains { $0.kind == .alreadyStopped })
        try trainer.saveCheckpoint(to: folder("model"))
        #expect(
            try LanguageModel(contentsOf: folder("model")).parameters
                == LanguageModel(contentsOf: folder("whole")).parameters)
        // It is the run's from here on.
        #expect(try TrainingRecord(of: folder("model")).options.earlyStopping == stopping)
    }

    @Test func noticesSayWhatToDo() {
        let finished = TrainingNotice.alreadyFinished(epochs: 1)
        #expect(finished.description.contains("has done its 1 epoch;"))
        let stopped = TrainingNotice.alreadyStopped(epoch: 12, validations: 5)
        #expect(stopped.description.contains("epoch 12") && stopped.description.contains("6 or more"))
        for notice in [finished, stopped] {
            #expect(!notice.description.contains("--") && !notice.description.contains("\n"))
        }
    }
}
