import Foundation

/// A file, a pipe or a device open for reading, closed with the last reference to it.
///
/// The one place that reads from descriptors and repeats calls that a signal interrupts.
package final class InputFile: Sendable {
    private let descriptor: Int32
    private let isOwned: Bool

    /// Opens the file at a path.
    package init(_ path: String) throws(SystemError) {
        descriptor = Int32(try uninterrupted { Int(open(path, O_RDONLY | O_CLOEXEC)) })
        isOwned = true
    }

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = false
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// The standard input of this process, which stays open.
    package static let standardInput = InputFile(descriptor: STDIN_FILENO)

    /// The status of the open file.
    package func status() throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try uninterrupted { Int(fstat(descriptor, &status)) }
        return FileStatus(status)
    }

    /// Waits for bytes, copies those that are there and fit, and returns their number; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        // Some systems refuse to read more than two gigabytes at once.
        try uninterrupted { Foundation.read(descriptor, buffer.baseAddress, min(buffer.count, 1 << 30)) }
    }

    /// Copies bytes until the buffer is full or the file ends, and returns their number.
    package func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Copies bytes from an offset of a regular file until the buffer is full or the file ends, and returns their number.
    package func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...].prefix(1 << 30))
            let count = try uninterrupted {
                pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// The bytes at a range of offsets of a regular file, fewer if it ends before.
    package func bytes(_ range: Range<Int>) throws(SystemError) -> [UInt8] {
        try reading(range.count) { buffer throws(SystemError) in
            try self.fill(buffer, at: range.lowerBound)
        }
    }

    /// All bytes up to the end.
    package func readToEnd() throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let part = try reading(1 << 16) { buffer throws(SystemError) in try self.fill(buffer) }
            bytes += part
            if part.count < 1 << 16 { return bytes }
        }
    }

    /// Maps the beginning of the file into memory; nil when the system refuses or there is nothing to map.
    package func map(byteCount: Int) -> MappedFile? {
        MappedFile(descriptor: descriptor, byteCount: byteCount)
    }

    private func reading(
        _ capacity: Int, _ body: (UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
    ) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            do throws(SystemError) {
                count = try body(UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// The status of a file: its kind, size, identity, time of modification, owner and permissions.
package struct FileStatus: Sendable, Equatable {
    /// The kind of thing at a path.
    package enum Kind: Sendable {
        case file
        case folder
        case link
        /// A pipe, a device or a socket.
        case other
    }

    package let kind: Kind
    /// The size in bytes; 0 if it is unknown before reading, as for a pipe.
    package let size: Int
    /// The time of the last modification in seconds since 1970.
    package let modificationSeconds: Int
    /// The nanoseconds of that time.
    package let modificationNanoseconds: Int
    /// The bits of `rwxrwxrwx`.
    package let permissions: UInt32
    /// The number of the user to whom it belongs.
    package let owner: UInt32
    /// The number of the group to which it belongs.
    package let group: UInt32
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        size = kind == .file ? Int(status.st_size) : 0
        modificationSeconds = time.tv_sec
        modificationNanoseconds = time.tv_nsec
        permissions = UInt32(status.st_mode) & 0o777
        owner = status.st_uid
        group = status.st_gid
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(truncatingIfNeeded: status.st_ino)
    }

    /// The status of the thing at a path; nil if there is none, or this process may not see it.
    ///
    /// - Parameters:
    ///   - path: The path of a file or folder.
    ///   - followingLinks: Whether to take the target of a link in its place. Default: true.
    package init?(of path: String, followingLinks: Bool = true) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    /// Whether both are the same file or folder, under any paths.
    package func isSameFile(as other: FileStatus) -> Bool {
        device == other.device && number == other.number
    }
}

/// Repeats a system call until no signal interrupts it, and throws if it fails otherwise.
package func uninterrupted(_ call: () -> Int) throws(SystemError) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw .last }
    }
}

extension SystemError {
    /// Whether there is nothing at the path.
    package var isFileNotFound: Bool { code == ENOENT }
    /// Whether something is at the path, or in the folder, that would be lost.
    package var isOccupied: Bool { code == EEXIST || code == ENOTEMPTY }
}
