import Foundation
import Synchronization
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// Trains a language model on a text.
///
/// ```swift
/// let trainer = try Trainer(corpus: book, model: .init(hiddenSize: 512), options: .init(epochs: 50))
/// for try await event in trainer.run() { print(event) }
/// let model = try trainer.languageModel()
/// ```
public final class Trainer: Sendable {
    /// What the model is made of.
    public let configuration: ModelConfiguration
    /// How it is trained.
    public let options: TrainingOptions
    /// The text in the parts that train, validate and are tested on.
    public let parts: CorpusSplit
    let vocabulary: Vocabulary
    let origin: CorpusOrigin?
    private let corpusFingerprint: UInt64
    let loop: Mutex<TrainingLoop>

    /// Prepares a run from the beginning.
    ///
    /// - Parameters:
    ///   - corpus: The text, with its vocabulary.
    ///   - validation: A text to validate on, read with that vocabulary; nil for the part that the options hold out.
    ///   - test: A text to test on, read with that vocabulary; nil for the part that the options hold out.
    ///   - model: What the model is made of.
    ///   - options: How to train it.
    ///   - engine: What computes.
    ///   - origin: Where the text came from, to be noted in checkpoints.
    /// - Throws: `TrainingError` when an option makes no sense, the text is too short, or the model too large.
    public convenience init(
        corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil,
        model: ModelConfiguration = ModelConfiguration(),
        options: TrainingOptions = TrainingOptions(),
        engine: EngineChoice = .cpu(threads: nil), origin: CorpusOrigin? = nil
    ) throws {
        try self.init(
            corpus: corpus, validation: validation, test: test, model: model, options: options,
            engine: engine, origin: origin, checkpoint: nil)
    }

    /// Prepares a run from a checkpoint or, without one, from the beginning.
    init(
        corpus: Corpus, validation: Corpus?, test: Corpus?, model: ModelConfiguration,
        options: TrainingOptions, engine choice: EngineChoice, origin: CorpusOrigin?,
        checkpoint: TrainingCheckpoint?
    ) throws {
        try options.check()
        try TrainingData.check(corpus, validation: validation, test: test, options: options)
        if choice == .reference, options.precision != .float32 {
            throw TrainingError.invalidOption(
                "the reference engine (--engine reference) computes in double precision alone, not in \(options.precision.rawValue) (--precision)"
            )
        }
        guard corpus.vocabulary.count > 1 else {
            throw TrainingError.invalidOption(
                "'\(corpus.name)': all tokens occur too seldom to be known; lower --minimum-frequency")
        }
        try MemoryEstimate.check(
            configuration: model, vocabularySize: corpus.vocabulary.count,
            sequenceLength: options.sequenceLength,
            batchSize: options.batchSize, precision: options.precision,
            optimizer: options.optimizer, regularization: options.regularization)
        try options.regularization.check(for: model)
        let data = try TrainingData(corpus, validation: validation, test: test, options: options)
        parts = data.parts
        try options.check(isHeldOut: data.validationTokenCount > 0)
        let makeEngine = { @Sendable (parameters: ModelParameters) throws -> any Engine in
            try choice.makeEngine(
                configuration: model, parameters: parameters, precision: options.precision)
        }
        let engine = try makeEngine(
            checkpoint?.parameters
                ?? ModelParameters(
                    for: model, vocabularySize: corpus.vocabulary.count, initializer: options.initializer,
                    seed: options.seed))
        if let checkpoint {
            try engine.restoreState(checkpoint.state)
            try engine.restoreOptimizerState(checkpoint.optimizer)
        }
        loop = Mutex(
            try TrainingLoop(
                engine: engine, makeEngine: makeEngine, data: data, options: options,
                checkpoint: checkpoint))
        configuration = model
        self.options = options
        vocabulary = corpus.vocabulary
        self.origin = origin
        corpusFingerprint = TrainingData.fingerprint(corpus, validation: validation, test: test)
    }

    /// The run's events, in order; training happens while the next one is waited for, and nothing otherwise.
    ///
    /// Cancelling the task, or leaving the loop, stops between two steps. A later `run()` goes on from there.
    public func run() -> TrainingRun {
        TrainingRun(trainer: self)
    }

    /// The model as it is now; waits for the present report if the run goes on in another task.
    ///
    /// Where parameters are averaged, it is their average.
    public func languageModel() throws(TrainingError) -> LanguageModel {
        let parameters = loop.withLock { loop in
            loop.engine.exchangeParametersWithAverage()
            defer { loop.engine.exchangeParametersWithAverage() }
            return loop.engine.parameters
        }
        return try languageModel(parameters)
    }

    func languageModel(_ parameters: ModelParameters) throws(TrainingError) -> LanguageModel {
        do {
            return try LanguageModel(
                configuration: configuration, vocabulary: vocabulary, parameters: parameters)
        } catch {
            throw .engine(error)
        }
    }

    /// Everything that it takes to go on from here.
    func checkpoint() -> TrainingCheckpoint {
        loop.withLock { TrainingCheckpoint($0, corpusFingerprint: corpusFingerprint) }
    }

    /// Where the run stands.
    var position: TrainingPosition { loop.withLock { $0.position } }

    func nextEvent() throws -> TrainingEvent? {
        try loop.withLock { try $0.next() }
    }
}

/// The events of a training run.
public struct TrainingRun: AsyncSequence, Sendable {
    let trainer: Trainer

    /// Begins, or goes on, with the next event.
    public func makeAsyncIterator() -> Iterator {
        Iterator(trainer: trainer)
    }

    /// Trains, off the caller's actor, until the next event.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let trainer: Trainer

        /// Returns the next event, nil after the last.
        @concurrent public func next() async throws -> TrainingEvent? {
            try trainer.nextEvent()
        }
    }
}
