import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What comes back over the network, in order: the head of a response, then its body piece by piece.
enum TransferEvent: Sendable {
    case head(ResponseHead)
    case body(Data)
}

/// One request, made when asked for, and its response as a sequence.
///
/// `URLSession.bytes(for:)` would be the short way, but Linux has it not: there, only a delegate sees a body before
/// its end.
struct Transfer {
    let request: URLRequest

    /// Sends the request.
    ///
    /// To stop reading, or to cancel the task that reads, ends the connection.
    func start() -> AsyncThrowingStream<TransferEvent, any Error> {
        AsyncThrowingStream { continuation in
            let configuration = URLSessionConfiguration.ephemeral
            configuration.urlCache = nil
            let session = URLSession(
                configuration: configuration, delegate: TransferDelegate(continuation), delegateQueue: nil)
            let task = session.dataTask(with: request)
            continuation.onTermination = { termination in
                if case .cancelled = termination { task.cancel() }
            }
            task.resume()
            // A session lives, and keeps its delegate alive, until it is told that no further task will come.
            session.finishTasksAndInvalidate()
        }
    }
}

/// Passes on what a session reports.
private final class TransferDelegate: NSObject, URLSessionDataDelegate {
    private let continuation: AsyncThrowingStream<TransferEvent, any Error>.Continuation

    init(_ continuation: AsyncThrowingStream<TransferEvent, any Error>.Continuation) {
        self.continuation = continuation
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse {
            continuation.yield(.head(ResponseHead(response)))
        }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        continuation.yield(.body(data))
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        continuation.finish(throwing: error)
    }
}
