import Foundation

/// The right to write to a folder, for as long as the object lives.
///
/// Two objects exclude each other, in one process or in several. The lock is on a file in the folder that says which
/// process holds it, and that is removed in the end. The system releases the lock when the process ends, even by a kill;
/// a file that is left then means nothing. A file system without locks gives the right to all who ask.
package final class FolderLock: Sendable {
    private let descriptor: Int32
    private let file: URL

    /// The name of the file in the folder of a training run.
    package static let runName = "run.lock"

    /// Takes the lock.
    ///
    /// - Parameters:
    ///   - folder: The folder, which must be there.
    ///   - name: The name of the file: there are as many locks in a folder as names. Default: that of a training run.
    ///   - target: The name that the folder is going to get. Default: the one that it has.
    /// - Throws: `FileError.inUse` when another process, or another object of this one, holds the lock; `.unwritable` or
    ///   `.diskFull` when there can be no file in the folder.
    package init(
        _ folder: URL, named name: String = FolderLock.runName, movingTo target: URL? = nil
    ) throws(FileError) {
        file = (target ?? folder).appendingPathComponent(name)
        let path = folder.appendingPathComponent(name).path
        // For reading, so that a file system can be made read-only under a run; network file systems lock for writing.
        var access = O_RDONLY
        // In a folder of strangers, the name may be that of a link or a pipe.
        let flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        while true {
            let descriptor = open(path, access | O_CREAT | flags, 0o666)
            guard descriptor >= 0 else { throw FileError(SystemError.last, writing: 0, to: folder.path) }
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                let code = errno
                if code == EWOULDBLOCK {
                    defer { close(descriptor) }
                    throw Self.inUse(folder, by: descriptor)
                }
                if code == EBADF, access == O_RDONLY {
                    access = O_RDWR
                    close(descriptor)
                    continue
                }
            }
            // A holder that has just ended may have removed the file after it was opened here.
            guard Self.isOpen(descriptor, at: path) else {
                close(descriptor)
                continue
            }
            self.descriptor = descriptor
            break
        }
        // Without these words the lock is as good, and a refusal says less.
        let words = Array("\(getpid()) \(SystemInfo.hostName)\n".utf8)
        let writer = open(path, O_WRONLY | O_TRUNC | flags)
        _ = pwrite(writer, words, words.count, 0)
        close(writer)
    }

    deinit {
        if Self.isOpen(descriptor, at: file.path) { unlink(file.path) }
        close(descriptor)
    }

    /// Whether the file at a path is the one that is open.
    private static func isOpen(_ descriptor: Int32, at path: String) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0, let other = FileStatus(of: path) else { return false }
        return FileStatus(status).isSameFile(as: other)
    }

    private static func inUse(_ folder: URL, by descriptor: Int32) -> FileError {
        var bytes = [UInt8](repeating: 0, count: 300)
        let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
        let words = String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: \.isWhitespace)
        let host = words.last.map(String.init).flatMap { $0 == SystemInfo.hostName ? nil : $0 }
        return .inUse(path: folder.path, process: words.first.flatMap { Int($0) }, host: host)
    }
}
