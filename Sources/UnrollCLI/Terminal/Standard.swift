import UnrollBase

/// The standard streams of the program.
enum Standard {
    case output
    case error

    private var stream: StandardStream {
        switch self {
        case .output: .output
        case .error: .error
        }
    }

    /// Whether the stream leads to a terminal.
    var isTerminal: Bool { stream.isTerminal }

    /// The columns of the terminal, or 80.
    var width: Int { stream.terminalSize.flatMap { $0.columns > 0 ? $0.columns : nil } ?? 80 }

    /// The rows of the terminal, or 24.
    var height: Int { stream.terminalSize.flatMap { $0.rows > 0 ? $0.rows : nil } ?? 24 }

    /// Writes a text.
    ///
    /// A failure ends the program if it concerns results; messages are lost silently.
    func write(_ text: String) {
        do throws(SystemError) {
            try stream.write(text.utf8)
        } catch {
            guard case .output = self else { return }
            Failure("standard output cannot be written (\(error.reason))").exit()
        }
    }

    /// Shows the percentage that is done on a line of a terminal, in place of the one before.
    func showProgress(_ done: Int, of total: Int) {
        guard isTerminal, total > 0 else { return }
        write("\r\(min(done * 100 / total, 100))%\u{1B}[K")
    }

    /// Removes the line of ``showProgress(_:of:)``.
    func clearProgress() {
        if isTerminal { write("\r\u{1B}[K") }
    }
}

/// Numbers as the program prints them.
typealias Format = NumberFormat
