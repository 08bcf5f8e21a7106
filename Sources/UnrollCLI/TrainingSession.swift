import Foundation
import Unroll

/// A training run as the command line shows and saves it.
struct TrainingSession {
    private let trainer: Trainer
    private let corpus: Corpus
    private let folder: OutputFolder
    private let baselines: BaselineReport?
    private let isJSON: Bool
    private var summary: TrainingSummary?
    /// Seconds of training that a power cut may cost.
    private static let checkpointInterval = 15.0

    init(
        trainer: Trainer, corpus: Corpus, folder: OutputFolder, baselines: BaselineReport?, isJSON: Bool
    ) {
        self.trainer = trainer
        self.corpus = corpus
        self.folder = folder
        self.baselines = baselines
        self.isJSON = isJSON
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
        var lastCheckpoint = ContinuousClock.now
        var summary: TrainingSummary?
        for try await event in trainer.run() {
            switch event {
            case .started(let plan):
                display.say(describe(plan))
                if let baselines { display.say(baselines.description) }
                if isJSON {
                    try JSONLine.write(StartedLine(plan))
                    if let baselines { try JSONLine.write(baselines.line) }
                }
            case .progress(let progress):
                display.show(progress)
            case .epoch(let report):
                display.show(report, of: trainer.options.epochs)
                if isJSON { try JSONLine.write(EpochLine(report)) }
                do {
                    try trainer.log(report, to: folder.url)
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
            }
        }
        return summary
    }

    /// Continues the prompts greedily, as the book does.
    func showSamples(prompts: [String]) async throws {
        let model = try trainer.languageModel()
        let prompts = prompts.isEmpty ? SamplePrompts(corpus).prompts : prompts
        for prompt in prompts {
            var text = ""
            for try await piece in model.generate(
                after: prompt,
                options: GenerationOptions(
                    length: 120, strategy: .greedy, precision: trainer.options.precision))
            {
                text += piece
            }
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
