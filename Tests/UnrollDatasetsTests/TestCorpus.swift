import Foundation
import UnrollBase
import UnrollDatasets

/// A text, a cache in a folder of its own, and a server that replies as told; all gone with this object.
final class TestCorpus {
    let cache: CorpusCache
    /// Long enough to arrive in several pieces.
    static let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 7 + $0 / 251) }
    let entry: CorpusEntry
    private let server: LoopbackServer

    init(sha256: String? = nil, replies: [LoopbackServer.Reply]) throws {
        cache = CorpusCache(
            folder: FileManager.default.temporaryDirectory
                .appending(path: "unroll-\(UUID().uuidString)", directoryHint: .isDirectory))
        server = try LoopbackServer(replies)
        entry = Self.entry(port: server.port, sha256: sha256)
    }

    deinit {
        server.stop()
        try? FileManager.default.removeItem(at: cache.folder)
    }

    /// An entry for the text on a port of this machine.
    static func entry(port: UInt16, sha256: String? = nil) -> CorpusEntry {
        let digest = Checksum.sha256(Data(text))
        return CorpusEntry(
            name: "numbers", title: "Numbers", url: "http://127.0.0.1:\(port)/numbers.txt",
            byteCount: text.count, sha256: sha256 ?? digest, license: "public domain")
    }

    var file: URL { cache.file(of: entry) }
    var partialFile: URL { cache.folder.appending(path: "numbers.part") }

    /// The heads of the requests that the server has seen.
    var requests: [String] { server.requests }

    /// The bytes of a file, or nil if there is none.
    func contents(of file: URL) -> [UInt8]? {
        (try? Data(contentsOf: file)).map { Array($0) }
    }

    /// Puts a file into the cache.
    func write(_ bytes: some Sequence<UInt8>, to file: URL) throws {
        try FileManager.default.createDirectory(at: cache.folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    /// Downloads the text.
    @discardableResult
    func download(timeout: Int = 30, progress: CorpusDownload.Progress = { _, _ in }) async throws -> URL {
        try await CorpusDownload(entry, into: cache, timeout: timeout).run(progress: progress)
    }

    /// Downloads the text, which should fail, and returns the error.
    func downloadError(timeout: Int = 30) async -> CorpusError? {
        do {
            try await download(timeout: timeout)
            return nil
        } catch {
            return error as? CorpusError
        }
    }
}
