import Foundation
import UnrollEngine
import UnrollModel
import UnrollReports
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Small runs as the command line would record them.
enum TestRuns {
    static func trainer(epochs: Int, validation: Double? = 0.2) throws -> Trainer {
        let text = String(repeating: "the time traveller went into the garden.\n", count: 12)
        return try Trainer(
            corpus: try Corpus(text: text), model: ModelConfiguration(hiddenSize: 8),
            options: TrainingOptions(
                epochs: epochs, batchSize: 4, sequenceLength: 5, validationFraction: validation),
            engine: .cpu(threads: 1),
            origin: CorpusOrigin(
                sources: ["/somewhere/story.txt"], preprocessing: .none, tokens: .characters,
                minimumFrequency: 1, limit: nil))
    }

    static func recording(
        prompt: String? = "the ", tensorBoard: URL? = nil, isResumed: Bool = false
    ) -> RecordingOptions {
        RecordingOptions(
            prompt: prompt, engine: .cpu(threads: 1), programVersion: "1.2.3", tensorBoard: tensorBoard,
            isResumed: isResumed)
    }

    /// Trains and records, to the end or until as many epochs of this part are done.
    static func run(
        _ trainer: Trainer, in folder: URL, _ options: RecordingOptions = recording(),
        stoppingAfter limit: Int? = nil
    ) async throws {
        try trainer.saveCheckpoint(to: folder)
        var recorder = try RunRecorder(trainer, in: folder, options: options)
        var epochs = 0
        for try await event in trainer.run() {
            if case .epoch(let report) = event {
                try trainer.log(report, to: folder)
                epochs += 1
            }
            try await recorder.record(event)
            if epochs == limit { return }
        }
        try trainer.saveCheckpoint(to: folder)
    }
}
