import Synchronization
import UnrollEngine
import UnrollStorage
import UnrollText

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
    /// (`vocabulary.encode` tells which). Errors are thrown when the first piece is asked for.
    ///
    /// - Parameters:
    ///   - prompt: What the model reads first; it is not part of the stream.
    ///   - options: How much to generate, and how.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The pieces of the continuation, each one or more whole characters.
    public func generate(
        after prompt: String, options: GenerationOptions = GenerationOptions(), threads: Int? = nil
    ) -> TextStream {
        TextStream(model: self, prompt: prompt, options: options, threads: threads)
    }
}

/// A continuation that is generated while it is read.
public struct TextStream: AsyncSequence, Sendable {
    let model: LanguageModel
    let prompt: String
    let options: GenerationOptions
    let threads: Int?

    /// Starts to generate; every iterator gives the same text.
    public func makeAsyncIterator() -> Iterator {
        Iterator(session: Mutex(GenerationSession(self)))
    }

    /// Generates, off the caller's actor, until the next piece.
    public final class Iterator: AsyncIteratorProtocol, Sendable {
        private let session: Mutex<GenerationSession>

        init(session: consuming sending Mutex<GenerationSession>) {
            self.session = session
        }

        /// Returns the next piece, nil at the end; throws `CancellationError` when the task is cancelled.
        @concurrent public func next() async throws -> String? {
            try session.withLock { session in
                while let piece = try session.next() {
                    if !piece.isEmpty { return piece }
                }
                return nil
            }
        }
    }
}
