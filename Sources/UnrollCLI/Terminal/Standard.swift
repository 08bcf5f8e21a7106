import Foundation

/// The standard streams, written without buffering so that other programs see every line at once.
enum Standard {
    case output
    case error

    /// Whether a person is looking.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Columns of the terminal, or 80.
    var width: Int { size.flatMap { $0.ws_col > 0 ? Int($0.ws_col) : nil } ?? 80 }

    /// Rows of the terminal, or 24.
    var height: Int { size.flatMap { $0.ws_row > 0 ? Int($0.ws_row) : nil } ?? 24 }

    private var size: winsize? {
        var size = winsize()
        return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? size : nil
    }

    func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return failed(errno) }
            bytes = bytes.dropFirst(max(count, 0))
        }
    }

    /// Results that cannot be written are a failure; messages that cannot be have nobody to tell.
    private func failed(_ code: Int32) {
        guard case .output = self else { return }
        Failure("standard output cannot be written (\(String(cString: strerror(code))))").exit()
    }

    private var descriptor: Int32 {
        switch self {
        case .output: STDOUT_FILENO
        case .error: STDERR_FILENO
        }
    }
}
