import Foundation
import Testing
import UnrollBase
import UnrollTestSupport

@Suite struct FolderLockTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aSecondLockIsRefusedUntilTheFirstIsGone() throws {
        var lock: FolderLock? = try FolderLock(folder.url)
        let own = Int(ProcessInfo.processInfo.processIdentifier)
        let error = FileError.inUse(path: folder.url.path, process: own, host: nil)
        #expect(throws: error) { try FolderLock(folder.url) }
        #expect(error.description.contains("another part of this program"))
        // The file says who it is.
        let words = try String(contentsOf: folder("run.lock"), encoding: .utf8)
        #expect(words.hasPrefix("\(own) ") && words.hasSuffix("\n"))
        withExtendedLifetime(lock) {}
        lock = nil
        #expect(try folder.names() == [])
        _ = try FolderLock(folder.url)
    }

    @Test func aFileThatAKilledProcessHasLeftMeansNothing() throws {
        try folder.write(
            "999999999 elsewhere, and much more than the next holder has to say\n", to: "run.lock")
        let lock = try FolderLock(folder.url)
        let words = try String(contentsOf: folder("run.lock"), encoding: .utf8)
        #expect(words.hasPrefix("\(ProcessInfo.processInfo.processIdentifier) "))
        #expect(!words.contains("elsewhere"))
        withExtendedLifetime(lock) {}
    }

    @Test func aProcessOnAnotherMachineIsNamedWithIt() throws {
        let lock = try FolderLock(folder.url)
        // As the other machine would have written it, through the same file.
        let file = try FileHandle(forWritingTo: folder("run.lock"))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data("17 elsewhere\n".utf8))
        let error = FileError.inUse(path: folder.url.path, process: 17, host: "elsewhere")
        #expect(throws: error) { try FolderLock(folder.url) }
        #expect(error.description.contains("process 17 on elsewhere"))
        try file.truncate(atOffset: 0)
        #expect(throws: FileError.inUse(path: folder.url.path, process: nil, host: nil)) {
            try FolderLock(folder.url)
        }
        withExtendedLifetime(lock) {}
    }

    @Test func locksOfOtherNamesAreOthers() throws {
        let first = try FolderLock(folder.url, named: "a.lock")
        let second = try FolderLock(folder.url, named: "b.lock")
        #expect(throws: FileError.self) { try FolderLock(folder.url, named: "b.lock") }
        withExtendedLifetime((first, second)) {}
    }

    @Test func aLockMovesWithItsFolder() throws {
        try FileManager.default.createDirectory(at: folder("new"), withIntermediateDirectories: false)
        var lock: FolderLock? = try FolderLock(folder("new"), movingTo: folder("model"))
        try FileManager.default.moveItem(at: folder("new"), to: folder("model"))
        #expect(throws: FileError.self) { try FolderLock(folder("model")) }
        withExtendedLifetime(lock) {}
        lock = nil
        #expect(try folder.names(in: "model") == [])
    }

    @Test func aFolderThatIsNotThereCannotBeLocked() {
        #expect(throws: FileError.self) { try FolderLock(folder("nowhere")) }
    }

    /// Of many at once, one has it at any time.
    @Test func locksThatComeAndGoExcludeEachOther() async throws {
        let url = folder.url
        let successes = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var successes = 0
                    for _ in 0..<300 {
                        guard let lock = try? FolderLock(url) else { continue }
                        successes += 1
                        let mark = url.appendingPathComponent("mark")
                        // Fails if another holder has made it.
                        try Data().write(to: mark, options: .withoutOverwriting)
                        try FileManager.default.removeItem(at: mark)
                        withExtendedLifetime(lock) {}
                    }
                    return successes
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(successes > 0)
    }
}
