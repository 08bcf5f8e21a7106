import Foundation
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTraining

/// A recorder of a training run: samples, the environment, and event files for TensorBoard.
package struct RunRecorder: Sendable {
    private let trainer: Trainer
    private let folder: ModelFolder
    private let options: RecordingOptions
    private var events: EventFileWriter?
    private var lastSampledEpoch = 0
    /// The number of minibatches of all epochs so far; nil where it is unknown, and the epoch stands for it.
    private var step: Int?

    /// Records a run beside its checkpoints.
    ///
    /// Nothing is written before the event `started`.
    ///
    /// - Throws: `ReportError.holdsOtherEvents`, or `FileError` if the folder for event files is not one.
    package init(_ trainer: Trainer, in folder: URL, options: RecordingOptions) throws {
        try Self.check(options)
        self.trainer = trainer
        self.folder = ModelFolder(folder)
        self.options = options
    }

    /// Checks that the event files have a place.
    ///
    /// - Throws: `ReportError.holdsOtherEvents`, or `FileError` if the folder for event files is not one.
    package static func check(_ options: RecordingOptions) throws {
        guard let tensorBoard = options.tensorBoard else { return }
        try EventFileWriter.files(in: tensorBoard, isResumed: options.isResumed)
    }

    /// Records an event.
    ///
    /// An error of `started` comes before the first step of training. After a later one the run can continue.
    ///
    /// - Throws: `FileError`, or the errors of generating a sample.
    package mutating func record(_ event: TrainingEvent) async throws {
        switch event {
        case .started(let outline): try start(outline)
        case .progress, .notice: break
        case .epoch(let report), .validation(let report): try await add(try EpochMetrics(report))
        case .finished(let summary):
            if summary.epochs > lastSampledEpoch { try await addSample(after: summary.epochs) }
        }
    }

    private mutating func start(_ outline: TrainingOutline) throws {
        // The epochs after the checkpoint are trained again.
        let earlier = options.earlier.map { ModelFolder($0) } ?? folder
        let url = folder.url(of: SampleRecord.fileName)
        let samples = try JSONLines<SampleRecord>(contentsOf: earlier.url(of: SampleRecord.fileName))
        let kept = samples.elements.filter { $0.epoch <= outline.completedEpochs }
        let isOther = options.earlier == nil ? kept.count < samples.elements.count : !kept.isEmpty
        if isOther || samples.damagedCount > 0 { try JSONLines.write(kept, to: url) }
        lastSampledEpoch = kept.last?.epoch ?? 0

        try EnvironmentFile.add(
            SessionEnvironment(
                programVersion: options.programVersion, engine: outline.engine, choice: options.engine),
            to: folder, after: earlier)

        guard let tensorBoard = options.tensorBoard else { return }
        let metrics = try JSONLines<EpochMetrics>(contentsOf: folder.url(of: EpochMetrics.fileName))
        step = metrics.elements.last?.step
        let next = (step ?? outline.completedEpochs) + 1
        let events = try EventFileWriter(in: tensorBoard, resumingAt: options.isResumed ? next : nil)
        self.events = events
        guard events.isFirst else { return }
        let settings =
            try Setting.settings(in: .model, of: folder) + Setting.settings(in: .training, of: folder)
        try events.write([RunEvent(step: 0, .text(tag: "configuration", Markdown.table(settings)))])
    }

    private mutating func add(_ metrics: EpochMetrics) async throws {
        step = metrics.step
        // Before the sample, which may fail.
        try events?.write([RunEvent(step: step ?? metrics.epoch, .scalars(scalars(metrics)))])
        if metrics.partOfEpoch == nil, SampleRecord.isDue(after: metrics.epoch) {
            try await addSample(after: metrics.epoch)
        }
    }

    private func scalars(_ metrics: EpochMetrics) -> [RunEvent.Scalar] {
        var scalars = [
            RunEvent.Scalar("perplexity/training", metrics.perplexity),
            RunEvent.Scalar("loss/training", log(metrics.perplexity)),
        ]
        if let perplexity = metrics.validationPerplexity {
            scalars.append(.init("perplexity/validation", perplexity))
            scalars.append(.init("loss/validation", log(perplexity)))
        }
        if let norm = metrics.gradientNorm { scalars.append(.init("gradient_norm", norm)) }
        scalars.append(
            .init(
                "learning_rate", metrics.learningRate ?? Double(trainer.options.optimizer.learningRate)))
        if let speed = metrics.tokensPerSecond { scalars.append(.init("tokens_per_second", speed)) }
        return scalars
    }

    private mutating func addSample(after epoch: Int) async throws {
        guard let prompt = options.prompt else { return }
        lastSampledEpoch = epoch
        let model = try trainer.languageModel()
        let precision = trainer.options.precision
        // In a task of its own, which an interruption does not cancel, as it takes milliseconds only. For a hundred
        // tokens of one text several threads would cost more than they gain.
        let text = try await Task {
            try await model.sample(after: prompt, precision: precision, threads: 1)
        }.value
        let sample = SampleRecord(epoch: epoch, step: step, prompt: prompt, text: text)
        try JSONLines.append(sample, to: folder.url(of: SampleRecord.fileName))
        try events?.write([
            RunEvent(step: step ?? epoch, .text(tag: "sample", Markdown.verbatim(prompt + text)))
        ])
    }
}

/// The options of a recorder.
package struct RecordingOptions: Sendable {
    /// The prompt of samples; nil for no samples.
    package var prompt: String?
    /// The engine that the run has taken.
    package var engine: EngineKind
    /// The program's version.
    package var programVersion: String
    /// The folder for event files; nil for none.
    package var tensorBoard: URL?
    /// Whether the run goes on in its folder.
    package var isResumed: Bool
    /// The folder of the run whose samples and sessions this one takes along, as it goes on from there in a folder of its
    /// own; nil for none.
    package var earlier: URL?

    package init(
        prompt: String?, engine: EngineKind, programVersion: String, tensorBoard: URL? = nil,
        isResumed: Bool = false, earlier: URL? = nil
    ) {
        self.prompt = prompt
        self.engine = engine
        self.programVersion = programVersion
        self.tensorBoard = tensorBoard
        self.isResumed = isResumed
        self.earlier = earlier
    }
}
