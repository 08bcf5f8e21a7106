import Synchronization
import UnrollBase
import UnrollEngine
import UnrollModel

extension LanguageModel {
    /// Reads the prompt and continues it, a token at a time.
    ///
    /// ```swift
    /// for try await piece in model.generate(after: "time traveller", options: .init(length: 200, temperature: 0.8)) {
    ///     print(piece, terminator: "")
    /// }
    /// ```
    ///
    /// The prompt is preprocessed as the model's text was. What its vocabulary lacks is read as `<unk>`
    /// (`vocabulary.encode` tells which). Nothing is computed before a piece is asked for, so leaving the loop ends the
    /// work. When the task is canceled, the stream ends within a token, without a summary. A stream that was begun keeps
    /// an engine until it ends or is released.
    ///
    /// The stream throws what ``read(_:after:precision:threads:)`` throws, `ParameterError` for options that are out of
    /// range, and `GenerationError` for banned tokens or a model whose output is not finite.
    ///
    /// - Parameters:
    ///   - prompt: What the model reads first; it is not part of the stream.
    ///   - options: How much to generate, and how.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The pieces of the continuation, each one or more whole characters. Only the last one has a summary, and
    ///   its text may be empty.
    public func generate(
        after prompt: String, options: TextGenerationOptions = TextGenerationOptions(), threads: Int? = nil
    ) -> AsyncThrowingStream<GeneratedText, any Error> {
        let stream = GenerationStream(self, .prompt(prompt), options: options, threads: threads)
        return stream.pieces
    }

    /// Continues what was read before, a token at a time; otherwise as after a prompt.
    ///
    /// - Parameters:
    ///   - state: The result of ``read(_:after:precision:threads:)``, or the state in a ``GenerationSummary``.
    ///   - options: How much to generate, and how.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The pieces of the continuation.
    public func generate(
        from state: GenerationState, options: TextGenerationOptions = TextGenerationOptions(),
        threads: Int? = nil
    ) -> AsyncThrowingStream<GeneratedText, any Error> {
        let stream = GenerationStream(self, .state(state), options: options, threads: threads)
        return stream.pieces
    }
}

/// One generation, from prompt to summary: reads the prompt, then chooses, decodes and reads token by token when asked.
///
/// `@unchecked`, as the variables below are used only under `lock`.
final class GenerationStream: @unchecked Sendable {
    /// What comes before the first piece.
    enum Start: Sendable {
        case prompt(String)
        case state(GenerationState)
    }

    private let model: LanguageModel
    private let start: Start
    private let options: TextGenerationOptions
    private let threads: Int?

    private let lock = Mutex(())
    private var state: GenerationState
    /// Present while the generation runs.
    private var continuation: Continuation?
    /// An engine that holds the recurrent state meanwhile, so that no token waits for it to be copied.
    private var lease: EnginePool.Lease?
    private var run: TokenRun
    private var promptTokenCount = 0
    private var promptDuration = Duration.zero
    private var startInstant = ContinuousClock.now
    private var isFinished = false
    private var turn = TaskTurn()

    init(_ model: LanguageModel, _ start: Start, options: TextGenerationOptions, threads: Int?) {
        self.model = model
        self.start = start
        self.options = options
        self.threads = threads
        state = GenerationState(zerosFor: model.configuration)
        run = TokenRun(for: model.configuration)
    }

    /// What has been generated, computed when it is asked for.
    var pieces: AsyncThrowingStream<GeneratedText, any Error> {
        AsyncThrowingStream {
            if self.lock.withLock({ _ in self.turn.isOver() }) { await Task.yield() }
            return try self.next()
        }
    }

    /// The next piece; nil after the last, which has a summary.
    private func next() throws -> GeneratedText? {
        try lock.withLock { _ in
            try Task.checkCancellation()
            guard !isFinished else { return nil }
            if lease == nil { try begin() }
            return try advance()
        }
    }

    /// Reads the prompt.
    private func begin() throws {
        try options.check(for: model)
        let begin = ContinuousClock.now
        switch start {
        case .prompt(let prompt):
            state = try model.read(prompt, precision: options.precision, threads: threads)
            promptTokenCount = state.tokenCount
        case .state(let earlier):
            try earlier.check(for: model)
            state = earlier
        }
        let lastToken = try model.takeBackLastToken(of: &state, options, threads: threads)
        continuation = try Continuation(model, from: state, lastToken, options: options)
        let lease = try model.engines(precision: options.precision).lease(threads: threads)
        try lease.engine.restoreState(state.recurrentState)
        self.lease = lease
        startInstant = .now
        promptDuration = begin.duration(to: startInstant)
    }

    /// The next text that is not empty, or what there is at the end.
    private func advance() throws -> GeneratedText? {
        while let engine = lease?.engine {
            if let stopReason = continuation?.stopReason { return try finish("", stopReason) }
            guard let text = try nextText(engine) else { return nil }
            if let stopReason = continuation?.stopReason { return try finish(text, stopReason) }
            if !text.isEmpty { return GeneratedText(text: text) }
            try Task.checkCancellation()
        }
        return nil
    }

    /// The text of the next token, which the engine or else the continuation chooses.
    ///
    /// Optional chaining changes the continuation in place; a copy of it would cost more than all else.
    private func nextText(_ engine: any Engine) throws -> String? {
        if run.isUsedUp, let continuation {
            try run.refill(
                for: [continuation], logits: &state.logits, on: engine,
                hasStops: !options.stopStrings.isEmpty)
        }
        guard run.hasTokens, let token = run.next().first else {
            guard let (token, text) = try continuation?.next(from: state.logits) else { return nil }
            try state.read(token, with: engine)
            return text
        }
        state.note(token)
        return try continuation?.append(chosen: token)
    }

    /// Gives the engine back, with the state that it held.
    private func finish(_ text: String, _ stopReason: StopReason) throws -> GeneratedText {
        isFinished = true
        if let engine = lease?.engine {
            try run.settle(logits: &state.logits, on: engine)
            try engine.copyState(to: &state.recurrentState)
        }
        lease = nil
        if let continuation { state.decoder = continuation.decoderState }
        return GeneratedText(
            text: text,
            summary: GenerationSummary(
                promptTokenCount: promptTokenCount, tokenCount: continuation?.tokenCount ?? 0,
                stopReason: stopReason, promptDuration: promptDuration,
                duration: startInstant.duration(to: .now), state: state))
    }
}
