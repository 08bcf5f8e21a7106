import Synchronization

/// A text that is generated beside others, as it comes.
///
/// The loop gets all that has come since it asked last, so a slow consumer gets fewer and longer pieces. Leaving the loop,
/// releasing this value or canceling the task ends the text within a token. The sequence throws
/// `GenerationError.notANumber` when the model's output is not finite, what the machine lacks, such as `KernelError`, and
/// `CancellationError`.
public struct BatchedText: AsyncSequence, Sendable {
    private let reader: Reader

    init(_ feed: TextFeed) {
        reader = Reader(feed)
    }

    /// Begins to wait for pieces; of several iterators each gets some of them.
    public func makeAsyncIterator() -> Iterator {
        Iterator(reader: reader)
    }

    /// Waits for pieces.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: Reader

        /// Returns what has come since the last call, when there is something; nil after the end.
        public func next() async throws -> GeneratedPiece? {
            try await reader.feed.next()
        }
    }

    /// Ends the text when all who could read it are gone.
    fileprivate final class Reader: Sendable {
        let feed: TextFeed

        init(_ feed: TextFeed) {
            self.feed = feed
        }

        deinit {
            feed.cancel()
        }
    }
}

/// What was generated of one text and has not been asked for.
final class TextFeed: Sendable {
    private struct Contents {
        var piece = GeneratedPiece()
        var hasNews = false
        /// How it ended; nil while it goes on.
        var end: Result<Void, any Error>?
        var isCanceled = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let contents = Mutex(Contents())

    /// Whether no one waits for the rest.
    var isCanceled: Bool { contents.withLock(\.isCanceled) }

    /// Adds text and tokens; the reader wakes up if there are any.
    func add(_ text: String, _ tokens: [GeneratedToken] = []) {
        guard !text.isEmpty || !tokens.isEmpty else { return }
        change { contents in
            contents.piece.text += text
            contents.piece.tokens += tokens
            contents.hasNews = true
        }
    }

    /// Ends the text.
    func finish(_ summary: GenerationSummary) {
        change { contents in
            contents.piece.summary = summary
            contents.hasNews = true
            contents.end = .success(())
        }
    }

    /// Ends the text with an error, which comes after what there was, unless it has ended already.
    func finish(throwing error: any Error) {
        change { if $0.end == nil { $0.end = .failure(error) } }
    }

    /// Ends the text, as no one waits for it.
    func cancel() {
        change { $0.isCanceled = true }
        finish(throwing: CancellationError())
    }

    private func change(_ body: (inout Contents) -> Void) {
        let waiter = contents.withLock { contents in
            body(&contents)
            defer { contents.waiter = nil }
            return contents.waiter
        }
        waiter?.resume()
    }

    /// All that has come, when there is something; nil after the end.
    func next() async throws -> GeneratedPiece? {
        while true {
            try Task.checkCancellation()
            let news: News = try contents.withLock { contents in
                if contents.hasNews {
                    defer { (contents.piece, contents.hasNews) = (GeneratedPiece(), false) }
                    return .piece(contents.piece)
                }
                guard let end = contents.end else { return .none }
                // An error is thrown once.
                contents.end = .success(())
                try end.get()
                return .end
            }
            switch news {
            case .piece(let piece): return piece
            case .end: return nil
            case .none: await wait()
            }
        }
    }

    private enum News {
        case none, piece(GeneratedPiece), end
    }

    /// Waits for news, the end, or the task's cancellation.
    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // Of two who wait at once, the first looks again, as does one for whom there is something already.
                let woken: CheckedContinuation<Void, Never>? = contents.withLock { contents in
                    if contents.hasNews || contents.end != nil { return continuation }
                    defer { contents.waiter = continuation }
                    return contents.waiter
                }
                woken?.resume()
            }
        } onCancel: {
            cancel()
        }
    }
}
