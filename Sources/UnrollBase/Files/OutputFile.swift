import Foundation

/// A file open for writing, closed when it goes out of scope.
package struct OutputFile: ~Copyable {
    private let descriptor: Int32

    private init(_ path: String, flags: Int32, permissions: UInt32 = 0o666) throws(SystemError) {
        descriptor = Int32(
            try uninterrupted { Int(open(path, O_WRONLY | O_CLOEXEC | flags, mode_t(permissions))) })
    }

    deinit {
        close(descriptor)
    }

    /// Creates a file that is not there yet, with the bits of `rwxrwxrwx` that the system does not take away.
    package init(creating path: String, permissions: UInt32 = 0o666) throws(SystemError) {
        try self.init(path, flags: O_CREAT | O_EXCL, permissions: permissions)
    }

    /// Opens or creates a file at whose end everything is written.
    package init(appendingTo path: String) throws(SystemError) {
        try self.init(path, flags: O_CREAT | O_APPEND)
    }

    /// Opens a pipe or a device.
    package init(existing path: String) throws(SystemError) {
        try self.init(path, flags: 0)
    }

    /// The size of the file in bytes.
    package borrowing func size() throws(SystemError) -> off_t {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last }
        return status.st_size
    }

    /// Writes all of the data.
    package borrowing func write(_ data: Data) throws(SystemError) {
        var failure: SystemError?
        data.withUnsafeBytes { bytes in
            do throws(SystemError) { try write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Writes all of the bytes.
    package borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        try writeAll(bytes, to: descriptor)
    }

    /// Gives the file the owner and group of another, as far as this process may, and permissions.
    ///
    /// Where the group cannot be given, its members have no permission that not all have. Where the file system has no
    /// permissions, nothing happens.
    package borrowing func adopt(_ other: FileStatus, permissions: UInt32) {
        // Only the superuser may give files away.
        _ = fchown(descriptor, other.owner, gid_t.max)
        let hasGroup = fchown(descriptor, uid_t.max, other.group) == 0
        let group = hasGroup ? permissions & 0o070 : (permissions & 0o007) << 3 & permissions
        _ = fchmod(descriptor, mode_t(permissions & 0o707 | group))
    }

    /// Gives the file the time of modification of another, where the file system can.
    package borrowing func setModificationTime(of other: FileStatus) {
        let time = timespec(tv_sec: other.modificationSeconds, tv_nsec: other.modificationNanoseconds)
        _ = futimens(descriptor, [time, time])
    }

    /// Waits until the disk has everything.
    package borrowing func synchronize() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw .last }
    }

    /// Cuts the file off after `size` bytes.
    package borrowing func truncate(to size: off_t) throws(SystemError) {
        guard ftruncate(descriptor, size) == 0 else { throw .last }
    }
}

/// Writes all bytes, in as many calls as that takes: the one place that writes to descriptors.
private func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
        // Some systems refuse to write more than two gigabytes at once.
        let count = try uninterrupted { write(descriptor, rest.baseAddress, min(rest.count, 1 << 30)) }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
}

/// Standard output or standard error, written without buffering so that other programs see every line at once.
package enum StandardStream: Sendable {
    case output
    case error

    private var descriptor: Int32 {
        switch self {
        case .output: STDOUT_FILENO
        case .error: STDERR_FILENO
        }
    }

    /// The status of the file, pipe or device that the stream leads to; nil if it is closed.
    package var status: FileStatus? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? FileStatus(status) : nil
    }

    /// Whether the stream leads to a terminal.
    package var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The size of the terminal; nil where the stream does not lead to one or it does not tell.
    package var terminalSize: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes all of the bytes.
    package func write(_ bytes: some Collection<UInt8>) throws(SystemError) {
        var failure: SystemError?
        Array(bytes).withUnsafeBytes { bytes in
            do throws(SystemError) { try writeAll(bytes, to: descriptor) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
