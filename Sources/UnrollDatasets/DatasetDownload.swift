import Foundation
import UnrollBase

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A download of a text into the cache.
///
/// The texts are small: the bytes gather in memory, and the file appears once their size and checksum are right.
package struct DatasetDownload: Sendable {
    /// A function of the bytes that have arrived and those that will.
    package typealias Progress = @Sendable (_ received: Int, _ total: Int) -> Void

    /// The text.
    package let dataset: Dataset
    /// Where it goes.
    package let cache: DatasetCache
    /// The seconds without a byte after which the download fails; whole ones, since Linux counts no others.
    package let timeout: Int

    /// Describes a download; ``run(progress:)`` starts it.
    ///
    /// - Parameters:
    ///   - dataset: The text.
    ///   - cache: Where it goes. Default: the user's cache.
    ///   - timeout: The seconds without a byte after which the download fails. Default: 30.
    package init(_ dataset: Dataset, into cache: DatasetCache = DatasetCache(), timeout: Int = 30) {
        self.dataset = dataset
        self.cache = cache
        self.timeout = timeout
    }

    /// Puts the text into the cache; without any request if it is there already.
    ///
    /// - Parameter progress: Called whenever bytes arrive.
    /// - Returns: The file with the text.
    /// - Throws: ``DatasetError``, `FileError` if the cache cannot be written, or `CancellationError` if the task is
    ///   canceled.
    @discardableResult
    package func run(progress: Progress = { _, _ in }) async throws -> URL {
        let file = cache.file(of: dataset)
        if cache.contains(dataset) { return file }
        do throws(SystemError) {
            try FileSystem.createFolders(cache.folder)
        } catch {
            throw FileError(error, writing: dataset.byteCount, to: cache.folder.path)
        }
        let text = try await receive(progress: progress)
        let found = Checksum.sha256(text)
        guard found == dataset.sha256 else {
            throw DatasetError.wrongContents(
                dataset, found: "\(text.count) bytes with the SHA-256 checksum \(found)")
        }
        try AtomicFile.write(text, to: file)
        return file
    }

    private func receive(progress: Progress) async throws -> Data {
        guard let url = URL(string: dataset.url) else { throw failure("'\(dataset.url)' is not a URL") }
        var request = URLRequest(url: url)
        // Linux heeds the property, but not the initializer's argument of that name.
        request.timeoutInterval = TimeInterval(timeout)
        var text = Data()
        do {
            for try await part in bytes(of: request) {
                text += part
                guard text.count <= dataset.byteCount else {
                    throw DatasetError.wrongContents(dataset, found: "more bytes")
                }
                progress(text.count, dataset.byteCount)
            }
        } catch let error as DatasetError {
            throw error
        } catch {
            // Cancellation arrives either as the end of the bytes or as an error of the session.
            try Task.checkCancellation()
            let isTimeout = (error as? URLError)?.code == .timedOut
            // The systems have different words, or none, for a body that breaks off.
            guard text.isEmpty || isTimeout else { throw lost(after: text.count) }
            throw failure(reason(of: error, host: url.host() ?? dataset.url))
        }
        try Task.checkCancellation()
        guard text.count == dataset.byteCount else { throw lost(after: text.count) }
        return text
    }

    /// Sends a request and returns the body of the response as a sequence.
    ///
    /// Ending the sequence early, or cancelling the task that reads it, ends the connection. `URLSession.bytes(for:)`
    /// would do the same, but Linux does not have it.
    private func bytes(of request: URLRequest) -> AsyncThrowingStream<Data, any Error> {
        AsyncThrowingStream { continuation in
            let configuration = URLSessionConfiguration.ephemeral
            configuration.urlCache = nil
            let session = URLSession(
                configuration: configuration, delegate: BodyDelegate(dataset, continuation),
                delegateQueue: nil)
            let task = session.dataTask(with: request)
            continuation.onTermination = { termination in
                if case .cancelled = termination { task.cancel() }
            }
            task.resume()
            // A session keeps itself and its delegate alive until it is told that there are no further tasks.
            session.finishTasksAndInvalidate()
        }
    }

    private func lost(after count: Int) -> DatasetError {
        failure("the connection was lost after \(count) of \(dataset.byteCount) bytes")
    }

    private func failure(_ reason: String) -> DatasetError {
        .cannotDownload(dataset, reason: reason, file: cache.file(of: dataset).path)
    }

    /// A few words for a session's error.
    private func reason(of error: any Error, host: String) -> String {
        switch (error as? URLError)?.code {
        case .notConnectedToInternet?: "this machine is offline"
        case .cannotFindHost?, .dnsLookupFailed?: "host \(host) not found (offline?)"
        case .cannotConnectToHost?: "\(host) refused the connection or cannot be reached"
        case .timedOut?: "nothing arrived for \(timeout) seconds"
        default: error.localizedDescription
        }
    }
}

/// Checks the head of a response, and passes on its body.
private final class BodyDelegate: NSObject, URLSessionDataDelegate {
    private let dataset: Dataset
    private let continuation: AsyncThrowingStream<Data, any Error>.Continuation

    init(_ dataset: Dataset, _ continuation: AsyncThrowingStream<Data, any Error>.Continuation) {
        self.dataset = dataset
        self.continuation = continuation
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        let size = Int(response.expectedContentLength)
        if let status = (response as? HTTPURLResponse)?.statusCode, status != 200 {
            continuation.finish(throwing: DatasetError.httpStatus(dataset, status: status))
            completionHandler(.cancel)
        } else if size >= 0, size != dataset.byteCount {
            continuation.finish(throwing: DatasetError.wrongContents(dataset, found: "\(size) bytes"))
            completionHandler(.cancel)
        } else {
            completionHandler(.allow)
        }
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        continuation.yield(data)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        continuation.finish(throwing: error)
    }
}
