import UnrollBase
import UnrollEngine
import UnrollModel

/// What a stream does from one piece to the next.
struct GenerationSession: Sendable {
    /// What comes before the first piece.
    enum Start: Sendable {
        case prompt(String)
        case state(GenerationState)
    }

    fileprivate struct Progress: Sendable {
        var state: GenerationState
        var continuation: Continuation
        /// An engine that has the recurrent state meanwhile, so that no token waits for it to be copied.
        let lease: EnginePool.Lease
        let promptTokenCount: Int
        let promptDuration: Duration
        let start: ContinuousClock.Instant
    }

    private let model: LanguageModel
    private let start: Start
    private let options: TextGenerationOptions
    private let threads: Int?
    private var progress: Progress?
    private var isFinished = false

    init(_ model: LanguageModel, _ start: Start, options: TextGenerationOptions, threads: Int?) {
        self.model = model
        self.start = start
        self.options = options
        self.threads = threads
    }

    /// The next piece; nil after the last, which has a summary.
    mutating func next() throws -> GeneratedText? {
        try Task.checkCancellation()
        guard !isFinished else { return nil }
        if case nil = progress { progress = try begun() }
        do {
            // Optional chaining changes it in place; a copy of it would cost more than all else.
            guard let (text, stopReason) = try progress?.next() else { return nil }
            guard let stopReason else { return GeneratedText(text: text) }
            isFinished = true
            defer { progress = nil }
            return GeneratedText(text: text, summary: progress?.summary(stopReason))
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
    }

    /// Reads the prompt.
    private func begun() throws -> Progress {
        try options.check(for: model)
        let begin = ContinuousClock.now
        let state: GenerationState
        var promptTokenCount = 0
        switch start {
        case .prompt(let prompt):
            state = try model.state(after: prompt, precision: options.precision, threads: threads)
            promptTokenCount = state.tokenCount
        case .state(let earlier):
            try earlier.check(for: model)
            state = earlier
        }
        let lease = try model.engines(precision: options.precision).lease(threads: threads)
        do {
            try lease.engine.restoreState(state.recurrentState)
        } catch {
            throw GenerationError.engine(error)
        }
        let now = ContinuousClock.now
        return Progress(
            state: state, continuation: try Continuation(model, from: state, options: options),
            lease: lease, promptTokenCount: promptTokenCount, promptDuration: begin.duration(to: now),
            start: now)
    }
}

extension GenerationSession.Progress {
    /// The next text that is not empty, or what there is at the end, and why it is the end.
    mutating func next() throws -> (text: String, stopReason: StopReason?) {
        if let stopReason = continuation.stopReason { return ("", stopReason) }
        while true {
            let (token, text) = try continuation.next(from: state.logits)
            try state.read(token, with: lease.engine)
            let stopReason = continuation.stopReason
            if !text.isEmpty || stopReason != nil { return (text, stopReason) }
            try Task.checkCancellation()
        }
    }

    func summary(_ stopReason: StopReason) -> GenerationSummary {
        var state = state
        lease.engine.copyState(to: &state.recurrentState)
        state.decoder = continuation.decoderState
        return GenerationSummary(
            promptTokenCount: promptTokenCount, tokenCount: continuation.tokenCount,
            stopReason: stopReason, promptDuration: promptDuration, duration: start.duration(to: .now),
            state: state)
    }
}
