import Foundation
import Synchronization
import UnrollBase
import UnrollCluster
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
    /// The model's cell and sizes.
    public let configuration: ModelConfiguration
    /// The options of the run.
    public let options: TrainingOptions
    /// The engine that computes the run and, if it was to be chosen, why it is this one.
    public let engine: EngineChoice
    /// The texts for training, validation and testing.
    public let parts: CorpusSplit
    let vocabulary: Vocabulary
    /// Counted in the training text; nil where the model has none.
    private let ngrams: NGramModel?
    let origin: CorpusOrigin?
    private let corpusFingerprint: UInt64
    let loop: Mutex<TrainingLoop>
    /// The folder that the run was resumed from or is saved to; nil for a new run that nothing has saved.
    let runFolder = Mutex<RunFolder?>(nil)

    /// Prepares a new run.
    ///
    /// - Parameters:
    ///   - corpus: The training text, with its vocabulary.
    ///   - validation: A validation text, read with that vocabulary; nil for the part that the options hold out.
    ///   - test: A test text, read with that vocabulary; nil for the part that the options hold out.
    ///   - model: The model's cell and sizes.
    ///   - options: The options of the run.
    ///   - engine: The engine that computes. Default: the CPU, on all processors.
    ///   - origin: Where the text came from, for checkpoints.
    ///   - group: The processes that share out the shards of each minibatch; all of them prepare the same run. Default: this
    ///     one alone.
    /// - Throws: `ParameterError` for options out of range; `TrainingError.noKnownTokens` and `.otherVocabulary`;
    ///   `TextError` for a text that is too short; `ModelError`; `EngineError` for a model that does not fit into the
    ///   memory, and `CUDAError` for one that does not fit into that of the GPU, or a GPU that cannot be used.
    public convenience init(
        corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil,
        model: ModelConfiguration = ModelConfiguration(),
        options: TrainingOptions = TrainingOptions(),
        engine: EngineKind = .cpu(threads: nil), origin: CorpusOrigin? = nil,
        group: (any ProcessGroup)? = nil
    ) throws {
        try self.init(
            corpus: corpus, validation: validation, test: test, model: model, options: options,
            engine: engine, origin: origin, group: group, checkpoint: nil)
    }

    /// Prepares a run from a checkpoint or, without one, a new one.
    init(
        corpus: Corpus, validation: Corpus?, test: Corpus?, model: ModelConfiguration,
        options: TrainingOptions, engine kind: EngineKind, origin: CorpusOrigin?,
        group: (any ProcessGroup)?, checkpoint: TrainingCheckpoint?, ngrams: NGramModel? = nil
    ) throws {
        try options.check()
        let group = group.flatMap { $0.size > 1 ? $0 : nil }
        try options.check(processCount: group?.size ?? 1)
        try TrainingData.check(corpus, validation: validation, test: test, options: options)
        if kind == .reference, options.precision != .float32 {
            throw ParameterError.outOfRange(
                parameter: "precision", value: options.precision.rawValue,
                allowed: "float32 with the reference engine, which computes in double precision")
        }
        guard corpus.vocabulary.count > 1 else { throw TrainingError.noKnownTokens(text: corpus.name) }
        let choice = kind.choice(precision: options.precision, localRank: group?.localRank ?? 0)
        try Self.checkMemory(of: model, vocabularySize: corpus.vocabulary.count, options, on: choice.kind)
        try options.regularization.check(for: model)
        // A run that was saved goes on as it began.
        if checkpoint == nil { try options.check(for: model) }
        let data = try TrainingData(corpus, validation: validation, test: test, options: options)
        parts = data.parts
        try options.check(isHeldOut: data.validationTokenCount > 0)
        let (maker, settings) = (
            choice.kind.maker,
            EngineSettings(precision: options.precision, threads: choice.kind.threads)
        )
        let makeEngine = { @Sendable (parameters: ModelParameters) throws -> any Engine in
            let engine = try maker.engine(
                configuration: model, parameters: parameters, settings: settings)
            guard options.shards > 1 else { return engine }
            return try ShardedEngine(
                engine, in: ShardTree(count: options.shards), of: group, batchSize: options.batchSize)
        }
        let engine = try makeEngine(
            checkpoint?.parameters
                ?? ModelParameters(
                    for: model, vocabularySize: corpus.vocabulary.count, initializer: options.initializer,
                    seed: options.seed))
        let fingerprint = TrainingData.fingerprint(corpus, validation: validation, test: test)
        if let group {
            try GroupMember(
                engine: engine, model: model, options: options, fingerprint: fingerprint,
                checkpoint: checkpoint
            ).checkAgreement(in: group)
        }
        try engine.checkMemory(
            sequenceLength: options.sequenceLength, batchSize: options.batchSize,
            optimizer: options.optimizer, regularization: options.regularization)
        if let checkpoint {
            try engine.restoreState(checkpoint.state)
            try engine.restoreOptimizerState(checkpoint.optimizer)
        }
        self.ngrams =
            try ngrams
            ?? model.ngrams.map {
                try NGramModel(
                    of: data.parts.training.tokens, vocabularySize: corpus.vocabulary.count, order: $0.order)
            }
        loop = Mutex(
            try TrainingLoop(
                engine: engine, reason: choice.reason, makeEngine: makeEngine, ngrams: self.ngrams,
                data: data,
                options: options, checkpoint: checkpoint))
        self.engine = choice
        configuration = model
        self.options = options
        vocabulary = corpus.vocabulary
        self.origin = origin
        corpusFingerprint = fingerprint
    }

    /// Checks that the model fits into the machine's memory, before anything is allocated.
    private static func checkMemory(
        of model: ModelConfiguration, vocabularySize: Int, _ options: TrainingOptions, on kind: EngineKind
    ) throws {
        // What a minibatch needs is in the memory of the GPU.
        var (sequenceLength, batchSize) = (options.sequenceLength, options.batchSize)
        if case .cuda = kind { (sequenceLength, batchSize) = (1, 1) }
        try MemoryEstimate.check(
            configuration: model, vocabularySize: vocabularySize, sequenceLength: sequenceLength,
            batchSize: batchSize, precision: options.precision, optimizer: options.optimizer,
            regularization: options.regularization)
    }

    /// The part of the run that is done, in 0...1.
    package var fractionCompleted: Double { loop.withLock { $0.fractionCompleted } }

    /// Bytes of memory that training takes, and bytes that there are: of the machine or, on a GPU, of that.
    package var memory: (needed: Double, available: Double) {
        get throws {
            try loop.withLock {
                try $0.engine.memoryEstimate(
                    sequenceLength: options.sequenceLength, batchSize: options.batchSize,
                    optimizer: options.optimizer, regularization: options.regularization)
            }
        }
    }

    /// The run's events, in order; training happens while the next one is awaited, and only then.
    ///
    /// Canceling the task, or leaving the loop, stops between two steps. A later `run()` goes on from there. A canceled
    /// task throws `CancellationError` out of the loop; catch it to save what has been learned, as ``CheckpointWriter``
    /// shows. Training itself throws `TrainingError.diverged`.
    public func run() -> TrainingRun {
        TrainingRun(trainer: self)
    }

    /// The current model; waits for the current event if the run goes on in another task.
    ///
    /// Where parameters are averaged, the model is their average.
    ///
    /// - Throws: `ModelError`, which no parameters of a run cause.
    public func languageModel() throws -> LanguageModel {
        let (parameters, position) = try loop.withLock { (try $0.modelParameters, $0.position) }
        return try languageModel(parameters, at: position.moment)
    }

    /// The model that predicted the held-out text best; nil before the first validation, and without a held-out text.
    ///
    /// A resumed run starts without one: it has a model once a validation is better than all before the interruption.
    /// The one from before is in the folder `best` of a ``CheckpointWriter``.
    public var bestModel: LanguageModel? {
        let (parameters, validation) = loop.withLock { ($0.best, $0.position.validation.best) }
        return parameters.flatMap { try? languageModel($0, at: validation?.moment) }
    }

    func languageModel(_ parameters: ModelParameters, at moment: TrainingMoment?) throws -> LanguageModel {
        var model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters, ngrams: ngrams)
        model.moment = moment
        return model
    }

    /// Everything that is needed to go on from here.
    func checkpoint() throws -> TrainingCheckpoint {
        try loop.withLock { try TrainingCheckpoint($0, corpusFingerprint: corpusFingerprint) }
    }

    /// The position of the run.
    var position: TrainingPosition { loop.withLock { $0.position } }

    /// Returns whether everything for a checkpoint is in this process; otherwise it will be after the next step.
    func wantState() -> Bool { loop.withLock { $0.wantState() } }

    func nextEvent() throws -> TrainingEvent? {
        try loop.withLock { try $0.next() }
    }
}

/// The events of a training run; every iterator goes on where the run is.
public struct TrainingRun: AsyncSequence, Sendable {
    let trainer: Trainer

    /// An iterator that goes on where the run is.
    public func makeAsyncIterator() -> Iterator {
        Iterator(trainer: trainer)
    }

    /// Trains, off the caller's actor, until the next event.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let trainer: Trainer

        /// Returns the next event; nil after the last.
        ///
        /// - Throws: `CancellationError`, `TrainingError.diverged`, and the errors of texts and engines.
        @concurrent public func next() async throws -> TrainingEvent? {
            // Otherwise as many runs as there are processors would keep all other tasks from running.
            await Task.yield()
            return try trainer.nextEvent()
        }
    }
}
