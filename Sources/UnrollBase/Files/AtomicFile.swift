import Foundation

/// Writing of single files that other processes may read, or a kill may interrupt, at any moment.
package enum AtomicFile {
    /// Replaces a file, or creates it.
    ///
    /// Readers see the old or the new contents, never a part of either.
    ///
    /// - Throws: `FileError.unwritable` or `.diskFull`, as all functions here.
    package static func write(_ data: Data, to url: URL) throws(FileError) {
        let file = try StagedFile(for: url)
        try file.write(data)
        try file.putInPlace()
    }

    /// Adds a line to a file, or creates it.
    ///
    /// When there is no room for the whole line, nothing of it stays.
    package static func append(line: String, to url: URL) throws(FileError) {
        try append(Data("\(line)\n".utf8), to: url)
    }

    /// Adds data to a file, or creates it.
    ///
    /// When there is no room for all of it, nothing of it stays.
    package static func append(_ data: Data, to url: URL) throws(FileError) {
        do throws(SystemError) {
            let file = try OutputFile(appendingTo: url.path)
            let size = try file.size()
            do throws(SystemError) {
                try file.write(data)
            } catch {
                try? file.truncate(to: size)
                throw error
            }
        } catch {
            throw FileError(error, writing: data.count, to: url.path)
        }
    }

    /// Waits until the contents of a file, if there is one, are on the disk.
    package static func synchronize(_ url: URL) throws(FileError) {
        guard FileSystem.kind(of: url) == .file else { return }
        do throws(SystemError) {
            try OutputFile(appendingTo: url.path).synchronize()
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
    }
}

/// A file that is written part by part and appears at the end, whole.
///
/// Without ``putInPlace()`` nothing is left.
package final class StagedFile {
    private let url: URL
    private let temporary: URL
    private let file: OutputFile
    /// Held while the object lives, so that no other process takes the file for an abandoned one.
    private let lock: WriteLock?
    private var byteCount = 0
    private var isInPlace = false

    /// Creates a file that will replace the one at `url`, if there is one then.
    ///
    /// - Throws: `FileError.unwritable` or `.diskFull`.
    package init(for url: URL) throws(FileError) {
        self.url = url
        temporary = FileSystem.temporaryURL(in: url.deletingLastPathComponent())
        do throws(SystemError) {
            file = try OutputFile(creating: temporary.path)
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
        lock = WriteLock(temporary)
    }

    deinit {
        if !isInPlace { FileSystem.discard(temporary) }
    }

    /// Adds data at the end.
    package func write(_ data: Data) throws(FileError) {
        byteCount += data.count
        do throws(SystemError) {
            try file.write(data)
        } catch {
            throw FileError(error, writing: byteCount, to: url.path)
        }
    }

    /// Adds bytes at the end.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        byteCount += bytes.count
        do throws(SystemError) {
            try file.write(bytes)
        } catch {
            throw FileError(error, writing: byteCount, to: url.path)
        }
    }

    /// Opens the file for reading, under whatever name it has by then.
    package func reader() throws(FileError) -> InputFile {
        do throws(SystemError) {
            return try InputFile(isInPlace ? url.path : temporary.path)
        } catch {
            throw FileError.unreadable(path: url.path, reason: error.reason)
        }
    }

    /// Puts the file in its place once it is on the disk.
    ///
    /// Readers see the old or the new contents, never a part.
    package func putInPlace() throws(FileError) {
        do throws(SystemError) {
            try file.synchronize()
            try FileSystem.rename(temporary, to: url)
            isInPlace = true
            try FileSystem.synchronizeFolder(url.deletingLastPathComponent())
        } catch {
            throw FileError(error, writing: byteCount, to: url.path)
        }
    }
}

/// A lock on a file or folder while it is written.
///
/// The system releases it when the process ends, even by a kill.
package struct WriteLock: ~Copyable {
    private let descriptor: Int32

    /// Returns nil when another process holds the lock, there is nothing at the path, or the file system has no locks.
    package init?(_ url: URL) {
        descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit {
        close(descriptor)
    }

    /// Releases the lock, which otherwise may happen at the last use.
    package consuming func release() {}
}
