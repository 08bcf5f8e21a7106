import UnrollEngine
import UnrollStorage
import UnrollText

/// The state of one continuation.
struct GenerationSession {
    private let stream: TextStream
    private var engine: CPUEngine?
    private var sampler: TokenSampler
    private var decoder: TextDecoder
    private var logits: [Float] = []
    private var remaining: Int
    private var isFinished = false

    init(_ stream: TextStream) {
        self.stream = stream
        sampler = TokenSampler(stream.options.strategy, seed: stream.options.seed)
        decoder = TextDecoder(stream.model.vocabulary, after: stream.prompt)
        remaining = stream.options.length
    }

    /// The text of one more token, which may be empty; nil at the end.
    mutating func next() throws -> String? {
        try Task.checkCancellation()
        guard !isFinished else { return nil }
        let engine = try self.engine ?? warmedUpEngine()
        self.engine = engine
        guard remaining > 0 else {
            isFinished = true
            return decoder.finish()
        }
        remaining -= 1
        let token = try sampler.choose(from: logits)
        if remaining > 0 { try engine.advance(token, logits: &logits) }
        return decoder.decode(token)
    }

    /// An engine that has read the prompt.
    private mutating func warmedUpEngine() throws -> CPUEngine {
        do {
            try stream.options.check()
            let tokens = stream.model.vocabulary.encode(stream.prompt).ids
            guard !tokens.isEmpty else { throw GenerationError.emptyPrompt }
            let engine = try CPUEngine(
                configuration: stream.model.configuration, parameters: stream.model.parameters,
                precision: stream.options.precision, threads: stream.threads)
            for token in tokens {
                try Task.checkCancellation()
                try engine.advance(token, logits: &logits)
            }
            return engine
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
    }
}
