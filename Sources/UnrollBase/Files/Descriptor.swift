import Foundation

/// The loops around the operating system's calls on descriptors, written once.
package enum Descriptor {
    /// Writes all bytes, whatever number of calls and interruptions that takes.
    package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            // Some systems refuse to write more than two gigabytes at once.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            let count = Foundation.write(descriptor, part.baseAddress, part.count)
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw .last
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Keeps a descriptor from the programs that this process starts.
    package static func closeOnExecution(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Makes writing to a pipe that nothing reads an error on this thread, where it would end the process.
    package static func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}

/// A standard stream, written without buffering so that other programs see every line at once.
package enum StandardStream: Sendable {
    case output
    case error

    private var descriptor: Int32 {
        switch self {
        case .output: STDOUT_FILENO
        case .error: STDERR_FILENO
        }
    }

    /// Whether the stream leads to a terminal.
    package var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The columns and rows of the terminal; nil where the stream does not lead to one, or it does not tell.
    package var terminalSize: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes all of the bytes.
    package func write(_ bytes: [UInt8]) throws(SystemError) {
        // A closure cannot throw its typed error through this function of the standard library.
        let failure = bytes.withUnsafeBytes { buffer -> SystemError? in
            do throws(SystemError) { try Descriptor.write(buffer, to: descriptor) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }
}

/// What there is at a path or behind a descriptor.
package struct FileStatus: Sendable {
    /// The kinds that reading and writing tell apart.
    package enum Kind: Sendable {
        case regular
        case folder
        /// A pipe, a device, a socket.
        case other
    }

    /// What two paths of one file have in common.
    package struct Identity: Equatable, Sendable {
        private let device: UInt64
        private let node: UInt64

        fileprivate init(_ status: stat) {
            device = UInt64(truncatingIfNeeded: status.st_dev)
            node = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    package let kind: Kind
    package let byteCount: Int
    package let identity: Identity

    /// The status of what a path leads to; nil where that is nothing.
    package init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The status of an open file; nil where the system does not tell.
    package init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .folder
            default: .other
            }
        byteCount = Int(status.st_size)
        identity = Identity(status)
    }
}
