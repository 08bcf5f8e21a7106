import Foundation
import Testing
import UnrollBase
import UnrollTestSupport

/// What becomes of permissions, times and links when a file is written.
@Suite struct StagedFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func permissions(_ name: String) throws -> UInt32 {
        try #require(FileStatus(of: folder(name).path)).permissions
    }

    private func setPermissions(_ permissions: Int, of name: String) throws {
        try FileManager.default.setAttributes(
            [.posixPermissions: permissions], ofItemAtPath: folder(name).path)
    }

    private func text(of name: String) throws -> String {
        try String(contentsOf: folder(name), encoding: .utf8)
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder(name).path, withDestinationPath: target)
    }

    private func isLink(_ name: String) -> Bool {
        FileStatus(of: folder(name).path, followingLinks: false)?.kind == .link
    }

    // MARK: Permissions and times

    @Test(arguments: [0o600, 0o640, 0o644, 0o666])
    func aReplacedFileKeepsItsPermissions(mode: Int) throws {
        try folder.write("old", to: "file")
        try setPermissions(mode, of: "file")
        try AtomicFile.write(Data("new".utf8), to: folder("file"))
        #expect(try permissions("file") == UInt32(mode))
        #expect(try text(of: "file") == "new")
    }

    @Test(arguments: [(0o600, 0o600), (0o644, 0o644), (0o660, 0o660)])
    func aNewFileTakesPermissionsAndTimeOfItsSource(mode: Int, expected: UInt32) throws {
        try folder.write("source", to: "source")
        try setPermissions(mode, of: "source")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)],
            ofItemAtPath: folder("source").path)
        let source = try #require(FileStatus(of: folder("source").path))
        let file = try StagedFile(for: folder("file"), copying: source)
        try file.write(Data("new".utf8))
        // Not even for a moment.
        let temporary = try #require(try folder.names().first(where: FileSystem.isTemporary))
        #expect(try permissions(temporary) & ~expected == 0)
        try file.putInPlace()
        let status = try #require(FileStatus(of: folder("file").path))
        #expect(status.permissions == expected)
        #expect(status.modificationSeconds == 1_000_000_000)
        #expect(status.owner == source.owner)
        #expect(status.group == source.group)
    }

    @Test(arguments: [(0o600, 0o644), (0o644, 0o600)])
    func neitherTheSourceNorTheReplacedFileIsWidened(source: Int, replaced: Int) throws {
        for (name, mode) in [("source", source), ("file", replaced)] {
            try folder.write(name, to: name)
            try setPermissions(mode, of: name)
        }
        let file = try StagedFile(for: folder("file"), copying: FileStatus(of: folder("source").path))
        try file.putInPlace()
        #expect(try permissions("file") == 0o600)
    }

    @Test(.enabled(if: geteuid() != 0, "nothing is read-only to root"))
    func aFileThatIsReadOnlyIsKept() throws {
        try folder.write("kept", to: "file")
        try setPermissions(0o400, of: "file")
        #expect(throws: FileError.unwritable(path: folder("file").path, reason: "Permission denied")) {
            try AtomicFile.write(Data(), to: folder("file"))
        }
        #expect(try text(of: "file") == "kept")
    }

    // MARK: Links

    @Test func aLinkStaysAndItsTargetIsReplaced() throws {
        try FileManager.default.createDirectory(at: folder("a/b"), withIntermediateDirectories: true)
        try folder.write("old", to: "a/file")
        try setPermissions(0o600, of: "a/file")
        // Relative to the folder of the link, through another link, and from a folder that is one.
        try link("a/b/second", to: "../file")
        try link("first", to: "a/b/second")
        try link("c", to: "a/b")
        for (index, name) in ["a/b/second", "first", "c/second"].enumerated() {
            try AtomicFile.write(Data("\(index)".utf8), to: folder(name))
            #expect(try text(of: "a/file") == "\(index)")
            #expect(isLink("a/b/second") && isLink("first") && isLink("c"))
        }
        #expect(try permissions("a/file") == 0o600)
        #expect(try folder.names(in: "a") == ["b", "file"])
        #expect(try folder.names() == ["a", "first", "c"])
    }

    @Test func aLinkToNothingIsFollowed() throws {
        try link("link", to: "new")
        try AtomicFile.write(Data("1".utf8), to: folder("link"))
        #expect(try text(of: "new") == "1")
        #expect(isLink("link"))
        try link("loop", to: "loop")
        expectError(naming: folder("loop").path, "ymbolic links") {
            try AtomicFile.write(Data(), to: folder("loop"))
        }
    }

    @Test func otherNamesKeepTheOldContents() throws {
        try folder.write("old", to: "file")
        try FileManager.default.linkItem(at: folder("file"), to: folder("other"))
        try AtomicFile.write(Data("new".utf8), to: folder("file"))
        #expect(try text(of: "file") == "new")
        #expect(try text(of: "other") == "old")
    }

    // MARK: Pipes

    @Test func aPipeGetsTheBytesAndStays() throws {
        let path = folder("pipe").path
        #expect(mkfifo(path, 0o600) == 0)
        let end = try #require(FileHandle(forUpdatingAtPath: path))
        try AtomicFile.write(Data("bytes".utf8), to: folder("pipe"))
        #expect(try end.read(upToCount: 5) == Data("bytes".utf8))
        #expect(FileStatus(of: path)?.kind == .other)
        #expect(try folder.names() == ["pipe"])
        try end.close()
    }
}
