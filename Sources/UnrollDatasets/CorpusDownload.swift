import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Brings a text into the cache.
///
/// The bytes gather in a file of another name, which takes the text's own name only once its size and checksum are
/// right. A download that is cut short, by whatever means, leaves that file for the next one to continue.
public struct CorpusDownload: Sendable {
    /// Is told how many bytes have arrived, of how many.
    public typealias Progress = @Sendable (_ received: Int, _ total: Int) -> Void

    /// The text.
    public let entry: CorpusEntry
    /// Where it goes.
    public let cache: CorpusCache
    /// After how many seconds without a byte to give up; whole ones, as Linux counts no others.
    public let timeout: Int

    /// Describes a download; nothing happens before ``run(progress:)``.
    public init(_ entry: CorpusEntry, into cache: CorpusCache = CorpusCache(), timeout: Int = 30) {
        self.entry = entry
        self.cache = cache
        self.timeout = timeout
    }

    /// Makes sure that the text is in the cache; without any request if it already is.
    ///
    /// - Parameter progress: Called at the start, with what an earlier download left, and whenever bytes arrive.
    /// - Returns: The file with the text.
    /// - Throws: ``CorpusError``, or `CancellationError` if the task is cancelled.
    @discardableResult
    public func run(progress: Progress = { _, _ in }) async throws -> URL {
        let file = cache.file(of: entry)
        if cache.isPresent(entry) { return file }

        let partial = try PartialFile(of: entry, in: cache)
        let expected = FileFingerprint(of: entry)
        if partial.byteCount >= entry.byteCount, try partial.fingerprint() != expected {
            try partial.removeContents()
        }
        progress(partial.byteCount, entry.byteCount)
        if partial.byteCount < entry.byteCount {
            try await receiveRest(into: partial, progress: progress)
        }
        let found = try partial.fingerprint()
        guard found == expected else {
            partial.delete()
            throw CorpusError.checksumMismatch(entry, found: found.sha256)
        }
        try partial.move(to: file)
        return file
    }

    private func receiveRest(into partial: PartialFile, progress: Progress) async throws {
        if try await request(into: partial, progress: progress) == .rangeRefused {
            try partial.removeContents()
            _ = try await request(into: partial, progress: progress)
        }
        try Task.checkCancellation()
        guard partial.byteCount == entry.byteCount else {
            throw connectionLost(at: partial)
        }
    }

    private enum Outcome {
        case received
        /// The server will not continue where the file ends.
        case rangeRefused
    }

    /// Makes one request for what is missing and appends the answer.
    private func request(into partial: PartialFile, progress: Progress) async throws -> Outcome {
        guard let url = URL(string: entry.url) else { throw failure(.invalidURL(entry.url)) }
        var hasBegun = false
        do {
            for try await event in Transfer(request: request(for: url, from: partial.byteCount)).start() {
                switch event {
                case .head(let head):
                    guard try accept(head, into: partial) == .received else { return .rangeRefused }
                    hasBegun = true
                case .body(let data):
                    try append(data, to: partial)
                    progress(partial.byteCount, entry.byteCount)
                }
            }
        } catch let error as CorpusError {
            throw error
        } catch {
            // Cancellation can arrive either way, as the end of the events or as an error among them.
            try Task.checkCancellation()
            let reason = DownloadFailure(error, host: url.host() ?? entry.url, timeout: timeout)
            // The systems have different names, or none, for a body that breaks off.
            if hasBegun, case .other = reason { throw connectionLost(at: partial) }
            throw failure(reason)
        }
        return .received
    }

    private func request(for url: URL, from offset: Int) -> URLRequest {
        var request = URLRequest(url: url)
        // Linux heeds the property, but not the argument of that name.
        request.timeoutInterval = TimeInterval(timeout)
        // A range of a compressed body would not be a range of the file.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        if offset > 0 {
            request.setValue("bytes=\(offset)-", forHTTPHeaderField: "Range")
        }
        return request
    }

    /// Prepares the file for the body that follows this head.
    private func accept(_ head: ResponseHead, into partial: PartialFile) throws -> Outcome {
        let isContinuing = partial.byteCount > 0
        switch head.status {
        case 200:
            break
        case 206 where isContinuing:
            guard head.offset == partial.byteCount else { return .rangeRefused }
        case 416 where isContinuing:
            return .rangeRefused
        default:
            throw CorpusError.httpStatus(entry, status: head.status)
        }
        guard head.byteCount ?? entry.byteCount == entry.byteCount else {
            throw CorpusError.sizeMismatch(entry, found: head.byteCount)
        }
        // The answer to a request without a range, or to one whose range is ignored, is the whole file.
        if head.status == 200 { try partial.removeContents() }
        return .received
    }

    private func append(_ data: Data, to partial: PartialFile) throws {
        guard data.count <= entry.byteCount - partial.byteCount else {
            partial.delete()
            throw CorpusError.sizeMismatch(entry, found: nil)
        }
        try partial.append(data)
    }

    private func connectionLost(at partial: PartialFile) -> CorpusError {
        failure(.connectionLost(received: partial.byteCount, total: entry.byteCount))
    }

    private func failure(_ failure: DownloadFailure) -> CorpusError {
        .cannotDownload(entry, failure, file: cache.file(of: entry).path)
    }
}
