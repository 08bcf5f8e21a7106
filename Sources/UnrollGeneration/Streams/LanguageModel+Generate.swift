import Synchronization
import UnrollBase
import UnrollEngine
import UnrollModel

extension LanguageModel {
    /// Reads the prompt and goes on from it, a token at a time.
    ///
    /// ```swift
    /// for try await piece in model.generate(after: "time traveller", options: .init(length: 200, temperature: 0.8)) {
    ///     print(piece, terminator: "")
    /// }
    /// ```
    ///
    /// The prompt is preprocessed as the model's text was; what its vocabulary lacks is read as `<unk>`
    /// (`vocabulary.encode` tells which). Nothing is computed before a piece is asked for, so a consumer that leaves
    /// the loop has ended the work; when its task is cancelled, the stream ends within a token, without a summary.
    /// A stream that was begun keeps an engine until it ends or is let go.
    /// Errors are thrown when the first piece is asked for.
    ///
    /// - Parameters:
    ///   - prompt: What the model reads first; it is not part of the stream.
    ///   - options: How much to generate, and how.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The pieces of the continuation, each one or more whole characters; the last one, and no other, has
    ///   a summary, and its text may be empty.
    public func generate(
        after prompt: String, options: TextGenerationOptions = TextGenerationOptions(), threads: Int? = nil
    ) -> AsyncThrowingStream<GeneratedText, any Error> {
        stream(GenerationSession(self, .prompt(prompt), options: options, threads: threads))
    }

    /// Goes on from what was read before, a token at a time; otherwise as after a prompt.
    ///
    /// - Parameters:
    ///   - state: What `state(after:)` or the summary of an earlier generation has given.
    ///   - options: How much to generate, and how.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The pieces of the continuation.
    public func generate(
        from state: GenerationState, options: TextGenerationOptions = TextGenerationOptions(),
        threads: Int? = nil
    ) -> AsyncThrowingStream<GeneratedText, any Error> {
        stream(GenerationSession(self, .state(state), options: options, threads: threads))
    }

    private func stream(_ session: GenerationSession) -> AsyncThrowingStream<GeneratedText, any Error> {
        let session = SharedSession(session)
        return AsyncThrowingStream { try session.next() }
    }
}

/// A session that a stream's closure can change.
private final class SharedSession: Sendable {
    private let session: Mutex<GenerationSession>

    init(_ session: GenerationSession) {
        self.session = Mutex(session)
    }

    func next() throws -> GeneratedText? {
        try session.withLock { try $0.next() }
    }
}
