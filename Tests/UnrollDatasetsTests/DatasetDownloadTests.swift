import Foundation
import Synchronization
import Testing
import UnrollBase
import UnrollDatasets

@Suite struct DatasetDownloadTests {
    private let text = TestDataset.text

    @Test func wholeDownload() async throws {
        let test = try TestDataset(replies: [.whole(text)])
        let steps = Mutex<[[Int]]>([])
        let file = try await test.download { received, total in
            steps.withLock { $0.append([received, total]) }
        }
        #expect(file == test.file)
        #expect(test.contents(of: file) == text)
        #expect(try test.names() == ["numbers.txt"])
        #expect(test.cache.contains(test.dataset))
        let reported = steps.withLock { $0 }
        #expect(reported.last == [text.count, text.count])
        #expect(reported.map { $0[0] } == reported.map { $0[0] }.sorted())
        #expect(test.requests.count == 1)
    }

    @Test func aCutConnectionIsReportedAndTheNextAttemptSucceeds() async throws {
        let half = text.count / 2
        let test = try TestDataset(replies: [.cut(text, after: half), .whole(text)])
        guard case .cannotDownload(test.dataset, let reason, test.file.path) = await test.downloadError()
        else {
            Issue.record("not an error of the download")
            return
        }
        #expect(reason.contains("connection was lost"))
        #expect(try test.names().isEmpty)

        try await test.download()
        #expect(test.contents(of: test.file) == text)
    }

    @Test func aCachedTextNeedsNoRequest() async throws {
        let test = try TestDataset(replies: [])
        try test.write(text, to: test.file)
        #expect(try await test.download() == test.file)
        #expect(test.requests.isEmpty)
    }

    @Test func aCorruptedTextIsFetchedAgain() async throws {
        let test = try TestDataset(replies: [.whole(text)])
        try test.write(text.reversed(), to: test.file)
        #expect(!test.cache.contains(test.dataset))
        try await test.download()
        #expect(test.contents(of: test.file) == text)
    }

    @Test(arguments: [206, 404, 416, 500]) func anErrorStatusIsReported(status: Int) async throws {
        let test = try TestDataset(replies: [.status(status)])
        #expect(await test.downloadError() == .httpStatus(test.dataset, status: status))
        #expect(try test.names().isEmpty)
    }

    @Test func aWrongChecksumIsReported() async throws {
        let test = try TestDataset(sha256: String(repeating: "0", count: 64), replies: [.whole(text)])
        let found = "\(text.count) bytes with the SHA-256 checksum \(TestDataset.dataset(port: 0).sha256)"
        #expect(await test.downloadError() == .wrongContents(test.dataset, found: found))
        #expect(try test.names().isEmpty)
    }

    @Test func anAnnouncedWrongSizeIsReported() async throws {
        let test = try TestDataset(replies: [.whole(Array(text.dropLast()))])
        #expect(
            await test.downloadError() == .wrongContents(test.dataset, found: "\(text.count - 1) bytes"))
        #expect(try test.names().isEmpty)
    }

    @Test func moreBytesThanExpectedAreRefused() async throws {
        let endless = LoopbackServer.Reply(status: 200, body: text + text, stalls: true)
        let test = try TestDataset(replies: [endless])
        #expect(await test.downloadError() == .wrongContents(test.dataset, found: "more bytes"))
        #expect(try test.names().isEmpty)
    }

    @Test func aStalledServerTimesOut() async throws {
        let test = try TestDataset(replies: [.cut(text, after: 10, stalls: true)])
        #expect(
            await test.downloadError(timeout: 1)
                == .cannotDownload(
                    test.dataset, reason: "nothing arrived for 1 seconds", file: test.file.path))
    }

    @Test func cancellationLeavesNothing() async throws {
        let half = text.count / 2
        let test = try TestDataset(replies: [.cut(text, after: half, stalls: true), .whole(text)])
        let (arrivals, continuation) = AsyncStream.makeStream(of: Int.self)
        let download = DatasetDownload(test.dataset, into: test.cache)
        let task = Task { try await download.run { received, _ in continuation.yield(received) } }
        for await received in arrivals where received == half { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try test.names().isEmpty)

        try await test.download()
        #expect(test.contents(of: test.file) == text)
    }

    @Test func aRefusedConnectionIsReported() async throws {
        let (descriptor, port) = try LoopbackServer.bindEphemeralPort()
        defer { close(descriptor) }
        let test = try TestDataset(replies: [])
        let dataset = TestDataset.dataset(port: port)
        let reason = "127.0.0.1 refused the connection or cannot be reached"
        await #expect(throws: DatasetError.cannotDownload(dataset, reason: reason, file: test.file.path)) {
            try await DatasetDownload(dataset, into: test.cache).run()
        }
    }

    @Test func twoDownloadsAtOnceDoNotMix() async throws {
        let test = try TestDataset(replies: [.whole(text), .whole(text)])
        let download = DatasetDownload(test.dataset, into: test.cache)
        async let first = download.run()
        async let second = download.run()
        #expect(try await [first, second] == [test.file, test.file])
        #expect(test.contents(of: test.file) == text)
        #expect(try test.names() == ["numbers.txt"])
    }

    @Test func anUnusableCacheFolderIsReported() async throws {
        let test = try TestDataset(replies: [])
        // A file in place of the folder: even the superuser cannot write into that.
        let blocker = test.cache.folder.appending(path: "file")
        try test.write([], to: blocker)
        let cache = DatasetCache(folder: blocker.appending(path: "corpora"))
        let expected = FileError.unwritable(path: cache.folder.path, reason: "Not a directory")
        await #expect(throws: expected) { try await DatasetDownload(test.dataset, into: cache).run() }
    }
}
