import Foundation
import Synchronization
import Testing
import UnrollBase
import UnrollTestSupport

@Suite struct AtomicFileTests {
    @Test func createsAndReplaces() throws {
        let folder = try TemporaryFolder()
        let file = folder("file")
        for contents in ["first", "the second, longer", "", "3"] {
            try AtomicFile.write(Data(contents.utf8), to: file)
            #expect(try Data(contentsOf: file) == Data(contents.utf8))
        }
        #expect(try folder.names() == ["file"])
    }

    @Test func writesASliceWithItsOwnIndices() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write(Data("0123456789".utf8).dropFirst(4), to: folder("file"))
        #expect(try Data(contentsOf: folder("file")) == Data("456789".utf8))
    }

    @Test func aNameMayBeAsLongAsAnyFileName() throws {
        let folder = try TemporaryFolder()
        let name = String(repeating: "n", count: 255)
        try AtomicFile.write(Data("x".utf8), to: folder(name))
        #expect(try folder.names() == [name])
    }

    @Test func readersSeeOneVersionOrAnother() async throws {
        let folder = try TemporaryFolder()
        let file = folder("file")
        try AtomicFile.write(Data(repeating: 0, count: 100_000), to: file)
        let isFinished = Mutex(false)
        let writer = Task.detached {
            defer { isFinished.withLock { $0 = true } }
            for version in 1...100 {
                try AtomicFile.write(Data(repeating: UInt8(version), count: 100_000 + version), to: file)
            }
        }
        var last: UInt8 = 0
        while !isFinished.withLock({ $0 }) {
            let contents = try Data(contentsOf: file)
            let version = try #require(contents.first)
            #expect(contents == Data(repeating: version, count: 100_000 + Int(version)))
            #expect(version >= last)
            last = version
            await Task.yield()
        }
        try await writer.value
    }

    // MARK: Failures

    @Test func aFailureLeavesNothingBehind() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            at: folder("taken/by/folders"), withIntermediateDirectories: true)
        expectError(naming: folder("taken").path, "irectory") {
            try AtomicFile.write(Data("x".utf8), to: folder("taken"))
        }
        #expect(try folder.names() == ["taken"])
    }

    @Test func aMissingFolderIsNamed() throws {
        let folder = try TemporaryFolder()
        let file = folder("missing/file")
        #expect(throws: FileError.unwritable(path: file.path, reason: "No such file or directory")) {
            try AtomicFile.write(Data(), to: file)
        }
    }

    @Test func aPathBelowAFileIsNamed() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write(Data("kept".utf8), to: folder("file"))
        expectError(naming: folder("file/below").path, "Not a directory") {
            try AtomicFile.write(Data(), to: folder("file/below"))
        }
        #expect(try Data(contentsOf: folder("file")) == Data("kept".utf8))
    }

    /// Set UNROLL_SMALL_DISK to a folder on a file system with less than 16 MB of room.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["UNROLL_SMALL_DISK"] != nil))
    func aFullDiskLeavesTheOldContents() throws {
        let folder = URL(fileURLWithPath: ProcessInfo.processInfo.environment["UNROLL_SMALL_DISK"] ?? "")
        let file = folder.appendingPathComponent("file")
        try AtomicFile.write(Data("kept".utf8), to: file)
        #expect(throws: FileError.diskFull(path: file.path, neededBytes: 1 << 24)) {
            try AtomicFile.write(Data(count: 1 << 24), to: file)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
        #expect(try Data(contentsOf: file) == Data("kept".utf8))
    }

    @Test(.enabled(if: geteuid() != 0, "nothing is read-only to root"))
    func aReadOnlyFolderIsNamed() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.url.path)
        expectError(naming: folder("file").path, "Permission denied") {
            try AtomicFile.write(Data(), to: folder("file"))
        }
    }

    // MARK: Lines

    @Test func appendsLines() throws {
        let folder = try TemporaryFolder()
        let file = folder("metrics.jsonl")
        try AtomicFile.append(line: #"{"epoch":1}"#, to: file)
        try AtomicFile.append(line: #"{"epoch":2}"#, to: file)
        #expect(try Data(contentsOf: file) == Data("{\"epoch\":1}\n{\"epoch\":2}\n".utf8))
    }

    @Test func linesAreSynchronizedWhereThereAreAny() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.synchronize(folder("metrics.jsonl"))
        #expect(try folder.names() == [])
        try AtomicFile.append(line: "1", to: folder("metrics.jsonl"))
        try AtomicFile.synchronize(folder("metrics.jsonl"))
        #expect(try Data(contentsOf: folder("metrics.jsonl")) == Data("1\n".utf8))
    }

    @Test func aLineThatCannotBeWrittenIsReported() throws {
        let folder = try TemporaryFolder()
        expectError(naming: folder("missing/file").path, "No such file") {
            try AtomicFile.append(line: "x", to: folder("missing/file"))
        }
        #if os(Linux)
            #expect(throws: FileError.diskFull(path: "/dev/full", neededBytes: 6)) {
                try AtomicFile.append(line: "aline", to: URL(fileURLWithPath: "/dev/full"))
            }
        #endif
    }
}
