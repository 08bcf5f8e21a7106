import Foundation
import Synchronization
import Testing
import UnrollDatasets

@Suite struct CorpusDownloadTests {
    private let text = TestCorpus.text

    @Test func wholeDownload() async throws {
        let corpus = try TestCorpus(replies: [.whole(text)])
        let steps = Mutex<[[Int]]>([])
        let file = try await corpus.download { received, total in
            steps.withLock { $0.append([received, total]) }
        }
        #expect(file == corpus.file)
        #expect(corpus.contents(of: file) == text)
        #expect(corpus.contents(of: corpus.partialFile) == nil)
        #expect(corpus.cache.isPresent(corpus.entry))
        let reported = steps.withLock { $0 }
        #expect(reported.first == [0, text.count] && reported.last == [text.count, text.count])
        #expect(reported.map { $0[0] } == reported.map { $0[0] }.sorted())
        #expect(corpus.requests.count == 1)
        #expect(corpus.requests.first?.contains("Range:") == false)
    }

    @Test func aCutConnectionIsResumed() async throws {
        let half = text.count / 2
        let corpus = try TestCorpus(replies: [.cut(text, after: half), .rest(of: text, from: half)])
        let lost = DownloadFailure.connectionLost(received: half, total: text.count)
        let error = await corpus.downloadError()
        #expect(error == .cannotDownload(corpus.entry, lost, file: corpus.file.path))
        #expect(corpus.contents(of: corpus.partialFile) == Array(text.prefix(half)))
        #expect(corpus.contents(of: corpus.file) == nil)

        try await corpus.download()
        #expect(corpus.requests.last?.contains("Range: bytes=\(half)-\r\n") == true)
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test func aServerMayIgnoreTheRange() async throws {
        let corpus = try TestCorpus(replies: [.whole(text)])
        try corpus.write(text.prefix(1000).reversed(), to: corpus.partialFile)
        try await corpus.download()
        #expect(corpus.requests.first?.contains("Range: bytes=1000-\r\n") == true)
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test(arguments: [.status(416), .rest(of: TestCorpus.text, from: 999)] as [LoopbackServer.Reply])
    func aRefusedRangeStartsOver(refusal: LoopbackServer.Reply) async throws {
        let corpus = try TestCorpus(replies: [refusal, .whole(text)])
        try corpus.write(text.prefix(1000), to: corpus.partialFile)
        try await corpus.download()
        #expect(corpus.requests.map { $0.contains("Range:") } == [true, false])
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test func aWholePartialFileNeedsNoRequest() async throws {
        let corpus = try TestCorpus(replies: [])
        try corpus.write(text, to: corpus.partialFile)
        try await corpus.download()
        #expect(corpus.requests.isEmpty)
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test(arguments: [TestCorpus.text.count, TestCorpus.text.count + 1])
    func aFaultyPartialFileIsDropped(size: Int) async throws {
        let corpus = try TestCorpus(replies: [.whole(text)])
        try corpus.write([UInt8](repeating: 1, count: size), to: corpus.partialFile)
        try await corpus.download()
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test func aCachedTextNeedsNoRequest() async throws {
        let corpus = try TestCorpus(replies: [])
        try corpus.write(text, to: corpus.file)
        #expect(try await corpus.download() == corpus.file)
        #expect(corpus.requests.isEmpty)
    }

    @Test func aCorruptedTextIsFetchedAnew() async throws {
        let corpus = try TestCorpus(replies: [.whole(text)])
        try corpus.write(text.reversed(), to: corpus.file)
        #expect(!corpus.cache.isPresent(corpus.entry))
        try await corpus.download()
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test(arguments: [404, 416, 500]) func anErrorStatusIsReported(status: Int) async throws {
        let corpus = try TestCorpus(replies: [.status(status)])
        #expect(await corpus.downloadError() == .httpStatus(corpus.entry, status: status))
        #expect(corpus.contents(of: corpus.file) == nil)
    }

    @Test func aWrongChecksumIsReported() async throws {
        let sha256 = String(repeating: "0", count: 64)
        let corpus = try TestCorpus(sha256: sha256, replies: [.whole(text)])
        let found = TestCorpus.entry(port: 0).sha256
        #expect(await corpus.downloadError() == .checksumMismatch(corpus.entry, found: found))
        #expect(corpus.contents(of: corpus.file) == nil)
        #expect(corpus.contents(of: corpus.partialFile) == nil)
    }

    @Test func anAnnouncedWrongSizeIsReported() async throws {
        let corpus = try TestCorpus(replies: [.whole(Array(text.dropLast()))])
        #expect(await corpus.downloadError() == .sizeMismatch(corpus.entry, found: text.count - 1))
        #expect(corpus.contents(of: corpus.file) == nil)
    }

    @Test func moreBytesThanExpectedAreRefused() async throws {
        let endless = LoopbackServer.Reply(status: 200, body: text + text, stalls: true)
        let corpus = try TestCorpus(replies: [endless])
        #expect(await corpus.downloadError() == .sizeMismatch(corpus.entry, found: nil))
        #expect(corpus.contents(of: corpus.partialFile) == nil)
    }

    @Test func aStalledServerTimesOut() async throws {
        let corpus = try TestCorpus(replies: [.cut(text, after: 10, stalls: true)])
        let failure = DownloadFailure.timedOut(seconds: 1)
        #expect(
            await corpus.downloadError(timeout: 1)
                == .cannotDownload(corpus.entry, failure, file: corpus.file.path))
        #expect(corpus.contents(of: corpus.partialFile) == Array(text.prefix(10)))
    }

    @Test func cancellationKeepsWhatHasArrived() async throws {
        let half = text.count / 2
        let corpus = try TestCorpus(
            replies: [.cut(text, after: half, stalls: true), .rest(of: text, from: half)])
        let (arrivals, continuation) = AsyncStream.makeStream(of: Int.self)
        let download = CorpusDownload(corpus.entry, into: corpus.cache)
        let task = Task { try await download.run { received, _ in continuation.yield(received) } }
        for await received in arrivals where received == half { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(corpus.contents(of: corpus.partialFile) == Array(text.prefix(half)))
        #expect(corpus.contents(of: corpus.file) == nil)

        try await corpus.download()
        #expect(corpus.contents(of: corpus.file) == text)
    }

    @Test func aRefusedConnectionIsReported() async throws {
        let (descriptor, port) = try LoopbackServer.bindEphemeralPort()
        defer { close(descriptor) }
        let corpus = try TestCorpus(replies: [])
        let entry = TestCorpus.entry(port: port)
        let failure = DownloadFailure.cannotConnect(host: "127.0.0.1")
        await #expect(throws: CorpusError.cannotDownload(entry, failure, file: corpus.file.path)) {
            try await CorpusDownload(entry, into: corpus.cache).run()
        }
    }

    @Test func twoDownloadsDoNotMix() async throws {
        let corpus = try TestCorpus(replies: [.cut(text, after: 10, stalls: true)])
        let (arrivals, continuation) = AsyncStream.makeStream(of: Int.self)
        let download = CorpusDownload(corpus.entry, into: corpus.cache)
        let first = Task { try await download.run { received, _ in continuation.yield(received) } }
        for await received in arrivals where received == 10 { break }
        #expect(
            await corpus.downloadError()
                == .downloadInProgress(corpus.entry, file: corpus.partialFile.path))
        first.cancel()
        _ = await first.result
    }

    @Test func anUnusableCacheFolderIsReported() async throws {
        let corpus = try TestCorpus(replies: [])
        // A file where the folder should be: even the superuser cannot write into that.
        let cache = CorpusCache(folder: corpus.partialFile.appending(path: "corpora"))
        try corpus.write([], to: corpus.partialFile)
        let expected = CorpusError.cacheUnwritable(path: cache.folder.path, reason: "Not a directory")
        await #expect(throws: expected) { try await CorpusDownload(corpus.entry, into: cache).run() }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full"))
    func aFullDiskIsReported() async throws {
        let corpus = try TestCorpus(replies: [.whole(text)])
        try corpus.write([], to: corpus.file)
        try FileManager.default.createSymbolicLink(
            at: corpus.partialFile, withDestinationURL: URL(filePath: "/dev/full"))
        #expect(await corpus.downloadError() == .diskFull(path: corpus.partialFile.path))
    }
}
