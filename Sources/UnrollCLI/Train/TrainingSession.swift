import Foundation
import Unroll
import UnrollReports
import UnrollTraining

/// A training run as the command line shows and saves it.
struct TrainingSession {
    private let trainer: Trainer
    private let corpus: Corpus
    private var folder: OutputFolder
    private let policy: CheckpointPolicy
    private let baselines: BaselineReport?
    private let isJSON: Bool
    /// Whether people have read the plan, and with it what the run is about.
    private let isPlanned: Bool
    private let recording: RecordingOptions
    private var summary: TrainingSummary?

    init(
        trainer: Trainer, corpus: Corpus, folder: OutputFolder, policy: CheckpointPolicy,
        recording: RecordingOptions, baselines: BaselineReport?, isJSON: Bool,
        isPlanned: Bool
    ) throws {
        self.trainer = trainer
        self.corpus = corpus
        self.folder = folder
        self.policy = policy
        self.baselines = baselines
        self.isJSON = isJSON
        self.isPlanned = isPlanned
        self.recording = recording
        try RunRecorder.check(recording)
    }

    /// Trains to the end, or until a signal such as Ctrl-C, which saves and ends the program; see `Interruption`.
    mutating func train() async throws {
        // Saved before anything is learned: a folder that cannot be written shows now, not after an hour.
        let writer = try folder.begin(trainer, policy: policy)
        Cluster.keepsRun(in: folder.name)
        let recorder = try RunRecorder(trainer, in: folder.url, options: recording)
        do {
            summary = try await Interruption.cancelling { [self] in
                try await followEvents(with: writer, recorder)
            }
        } catch is CancellationError {
            try await writer.finish()
            if isJSON { try JSONLine.write(InterruptedLine(model: folder.name)) }
            throw Failure(
                "interrupted; checkpoint written, go on with: unroll train --resume \(Shell.path(folder.name))",
                exitCode: Interruption.exitCode)
        } catch {
            await writer.wait()
            throw error
        }
        try await writer.finish()
    }

    /// Shows and notes what happens, and has it saved.
    private func followEvents(
        with writer: CheckpointWriter, _ recorder: RunRecorder
    ) async throws -> TrainingSummary? {
        var display = ProgressDisplay()
        var recorder = recorder
        var summary: TrainingSummary?
        for try await event in trainer.run() {
            try show(event, on: &display)
            if case .finished(let result) = event { summary = result }
            do {
                let checkpoint = try writer.follow(event)
                if let checkpoint, isJSON { try JSONLine.write(CheckpointLine(checkpoint)) }
                try await recorder.record(event)
            } catch let error {
                // A full disk must not end a run that may soon find room; a folder that cannot be written at the
                // beginning, or time and again, does.
                if case .started = event { throw error }
                if case TrainingError.cannotSave = error { throw error }
                display.say("warning: \(Failure(error).message ?? ""); training goes on")
            }
        }
        return summary
    }

    private func show(_ event: TrainingEvent, on display: inout ProgressDisplay) throws {
        switch event {
        case .started(let outline):
            if !isPlanned { display.say(describe(outline)) }
            if let source = folder.source {
                display.say("going on from \(source) in a folder of its own, \(folder.name)")
            }
            if let baselines { display.say(baselines.description) }
            if isJSON {
                try JSONLine.write(StartedLine(outline))
                if let baselines { try JSONLine.write(baselines.line) }
            }
        case .progress(let progress):
            display.show(progress)
        case .epoch(let report):
            display.show(report, of: trainer.options.epochs, isEnd: report.partOfEpoch != nil)
            if isJSON { try JSONLine.write(EpochLine(report, isEnd: true)) }
        case .validation(let report):
            display.show(report, of: trainer.options.epochs)
            if isJSON { try JSONLine.write(EpochLine(report, isEnd: false)) }
        case .notice(let notice):
            display.say("note: \(Hint.described(notice))")
            if isJSON { try JSONLine.write(NoticeLine(notice)) }
        case .finished:
            break
        }
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
            try JSONLine.write(FinishedLine(summary, model: folder.name, best: bestName))
        } else {
            var line = "\nperplexity \(NumberFormat.decimal(summary.perplexity))"
            if let validation = summary.validationPerplexity {
                line += ", validation \(NumberFormat.decimal(validation))"
            }
            if let test = summary.testPerplexity { line += ", test \(NumberFormat.decimal(test))" }
            line += ", \(NumberFormat.grouped(summary.tokensPerSecond)) tokens/s, model in \(folder.name)"
            if let best = summary.best {
                line +=
                    "; the best, validation \(NumberFormat.decimal(best.perplexity)) in epoch \(best.epoch), in \(bestName)"
            }
            Standard.output.write(line + "\n")
            if let best = summary.best?.perplexity ?? summary.validationPerplexity,
                let verdict = baselines?.verdict(onValidation: best, kind: corpus.vocabulary.kind)
            {
                Standard.output.write(verdict + "\n")
            }
        }
    }

    private var bestName: String { "\(folder.name)/\(CheckpointWriter.bestName)" }

    private func describe(_ outline: TrainingOutline) -> String {
        var line =
            "\(corpus.name): \(NumberFormat.grouped(Double(outline.trainingTokens))) tokens, \(outline.vocabularySize) distinct"
        if outline.validationTokens > 0 {
            line += ", \(NumberFormat.grouped(Double(outline.validationTokens))) held out"
        }
        let model = trainer.configuration
        line += "; \(model.cell.name) cell, "
        if model.layerCount > 1 { line += "\(model.layerCount) layers of " }
        line += "\(model.hiddenSize) hidden units, "
        if let size = model.embeddingSize {
            line += "embedding of \(size)\(model.tiesWeights ? " tied to the output" : ""), "
        }
        line += "\(NumberFormat.grouped(Double(outline.parameterCount))) parameters"
        if let ngrams = model.ngrams { line += ", n-grams of up to \(ngrams.order) tokens" }
        line +=
            "; \(outline.epochs) \(outline.epochs == 1 ? "epoch" : "epochs")"
        if outline.completedEpochs > 0 { line += ", \(outline.completedEpochs) of them done," }
        return line + " on \(outline.chosenEngine)"
    }
}
