import Foundation
import Unroll
import UnrollReports

/// A training run as the command line shows and saves it.
struct TrainingSession {
    private let trainer: Trainer
    private let corpus: Corpus
    private let folder: OutputFolder
    private let isJSON: Bool
    private let recorder: RunRecorder
    private var summary: TrainingSummary?
    /// Seconds of training that a power cut may cost.
    private static let checkpointInterval = 15.0

    init(
        trainer: Trainer, corpus: Corpus, folder: OutputFolder, recording: RecordingOptions, isJSON: Bool
    ) throws {
        self.trainer = trainer
        self.corpus = corpus
        self.folder = folder
        self.isJSON = isJSON
        recorder = try RunRecorder(trainer, in: folder.url, options: recording)
    }

    /// Trains to the end, or until Ctrl-C, which saves and ends the program with code 130.
    mutating func train() async throws {
        // Saved before anything is learnt: a folder that cannot be written shows now, not after an hour.
        try trainer.saveCheckpoint(to: folder.url)
        do {
            summary = try await Interruption.cancelling { [self] in try await followEvents() }
        } catch is CancellationError {
            try trainer.saveCheckpoint(to: folder.url)
            if isJSON { try JSONLine.write(InterruptedLine(model: folder.name)) }
            throw Failure(
                "interrupted; checkpoint written, go on with: unroll train --resume \(folder.name)",
                exitCode: Failure.interrupted)
        }
        try trainer.saveCheckpoint(to: folder.url)
    }

    /// Shows and notes what happens, and saves a checkpoint now and then.
    private func followEvents() async throws -> TrainingSummary? {
        var display = ProgressDisplay()
        var recorder = recorder
        var lastCheckpoint = ContinuousClock.now
        var summary: TrainingSummary?
        for try await event in trainer.run() {
            switch event {
            case .started(let plan):
                display.say(describe(plan))
                if isJSON { try JSONLine.write(StartedLine(plan)) }
                try await recorder.record(event)
            case .progress(let progress):
                display.show(progress)
            case .epoch(let report):
                display.show(report, of: trainer.options.epochs)
                if isJSON { try JSONLine.write(EpochLine(report)) }
                do {
                    try trainer.log(report, to: folder.url)
                    try await recorder.record(event)
                    if lastCheckpoint.duration(to: .now) >= .seconds(Self.checkpointInterval) {
                        lastCheckpoint = .now
                        try trainer.saveCheckpoint(to: folder.url)
                    }
                } catch {
                    // A full disk must not end a run that may find room later.
                    display.say("warning: \(error); training goes on")
                }
            case .finished(let result):
                summary = result
                do {
                    try await recorder.record(event)
                } catch {
                    display.say("warning: \(error)")
                }
            }
        }
        return summary
    }

    /// Continues the prompts greedily, as the book does.
    func showSamples(prompts: [String]) async throws {
        let model = try trainer.languageModel()
        for prompt in prompts {
            let text = try await model.sample(after: prompt, precision: trainer.options.precision)
            if isJSON {
                try JSONLine.write(SampleLine(prompt: prompt, text: text))
            } else {
                Standard.output.write("\n\(prompt)\(text)\n")
            }
        }
    }

    /// Says what came of it.
    func finish() throws {
        guard let summary else { return }
        if isJSON {
            try JSONLine.write(FinishedLine(summary, model: folder.name))
        } else {
            var line = "\nperplexity \(Format.decimal(summary.perplexity))"
            if let validation = summary.validationPerplexity {
                line += ", validation \(Format.decimal(validation))"
            }
            line += ", \(Format.grouped(summary.tokensPerSecond)) tokens/s, model in \(folder.name)\n"
            Standard.output.write(line)
        }
    }

    private func describe(_ plan: TrainingPlan) -> String {
        var line =
            "\(corpus.name): \(Format.grouped(Double(plan.trainingTokens))) tokens, \(plan.vocabularySize) distinct"
        if plan.validationTokens > 0 {
            line += ", \(Format.grouped(Double(plan.validationTokens))) held out"
        }
        let model = trainer.configuration
        line += "; \(model.cell.name) cell, "
        if model.layerCount > 1 { line += "\(model.layerCount) layers of " }
        line += "\(model.hiddenSize) hidden units, "
        if let size = model.embeddingSize {
            line += "embedding of \(size)\(model.tiesWeights ? " tied to the output" : ""), "
        }
        line +=
            "\(Format.grouped(Double(plan.parameterCount))) parameters; \(plan.epochs) \(plan.epochs == 1 ? "epoch" : "epochs") on \(plan.engine)"
        if plan.completedEpochs > 0 { line += ", \(plan.completedEpochs) of them done" }
        return line
    }
}
