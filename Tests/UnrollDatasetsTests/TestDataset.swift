import Foundation
import UnrollBase
import UnrollDatasets

/// A text, a cache in a folder of its own, and a server that replies as told; all gone with this object.
final class TestDataset {
    let cache: DatasetCache
    /// Long enough to arrive in several pieces.
    static let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 7 + $0 / 251) }
    let dataset: Dataset
    private let server: LoopbackServer

    init(sha256: String? = nil, replies: [LoopbackServer.Reply]) throws {
        cache = DatasetCache(
            folder: FileManager.default.temporaryDirectory
                .appending(path: "unroll-\(UUID().uuidString)", directoryHint: .isDirectory))
        server = try LoopbackServer(replies)
        dataset = Self.dataset(port: server.port, sha256: sha256)
    }

    deinit {
        server.stop()
        try? FileManager.default.removeItem(at: cache.folder)
    }

    /// A dataset for the text on a port of this machine.
    static func dataset(port: UInt16, sha256: String? = nil) -> Dataset {
        let digest = Checksum.sha256(Data(text))
        return Dataset(
            name: "numbers", fileName: "numbers.txt", title: "Numbers",
            url: "http://127.0.0.1:\(port)/numbers.txt",
            byteCount: text.count, sha256: sha256 ?? digest, license: "public domain")
    }

    var file: URL { cache.file(of: dataset) }

    /// The names of the files in the cache, hidden ones included.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache.folder.path).sorted()
    }

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
    func download(timeout: Int = 30, progress: DatasetDownload.Progress = { _, _ in }) async throws -> URL {
        try await DatasetDownload(dataset, into: cache, timeout: timeout).run(progress: progress)
    }

    /// Downloads the text, which should fail, and returns the error.
    func downloadError(timeout: Int = 30) async -> DatasetError? {
        do {
            try await download(timeout: timeout)
            return nil
        } catch {
            return error as? DatasetError
        }
    }
}
