import Foundation
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

    /// Whether what was written can be replaced: on a terminal that moves its cursor, unless the user wants plain text.
    var canRedraw: Bool { isTerminal && TerminalSettings.movesCursor }

    /// The columns of the terminal, or 80.
    var width: Int { stream.terminalSize.flatMap { $0.columns > 0 ? $0.columns : nil } ?? 80 }

    /// The rows of the terminal, or 24.
    var height: Int { stream.terminalSize.flatMap { $0.rows > 0 ? $0.rows : nil } ?? 24 }

    /// Writes a text.
    ///
    /// A failure ends the program if it concerns results; messages are lost silently, and so are those of all processes of a
    /// cluster but the first, unless they are urgent.
    func write(_ text: String, isUrgent: Bool = false) {
        guard Cluster.isFirst || isUrgent else { return }
        do throws(SystemError) {
            try stream.write(text.utf8)
        } catch {
            guard case .output = self else { return }
            Failure("standard output cannot be written (\(error.reason))").exit()
        }
    }

    /// Writes a message in one line; names and texts that it quotes do nothing to a terminal.
    func say(_ message: String, isUrgent: Bool = false) {
        write(EscapedText.line(message) + "\n", isUrgent: isUrgent)
    }

    /// Shows the percentage that is done on a line of a terminal, in place of the one before.
    func showProgress(_ done: Int, of total: Int) {
        guard canRedraw, total > 0 else { return }
        write("\r\(min(done * 100 / total, 100))%\u{1B}[K")
    }

    /// Removes the line of ``showProgress(_:of:)``.
    func clearProgress() {
        if canRedraw { write("\r\u{1B}[K") }
    }
}

/// What the environment says of the terminal and its characters.
enum TerminalSettings {
    private static let environment = ProcessInfo.processInfo.environment

    private static func value(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Whether the terminal obeys codes that move the cursor, and the user does not ask for plain text.
    static let movesCursor = value("NO_COLOR") == nil && value("TERM").map { $0 != "dumb" } ?? false

    /// Whether characters beyond ASCII can be shown: whether the encoding of the locale is UTF-8.
    static let isUTF8: Bool = {
        let locale = value("LC_ALL") ?? value("LC_CTYPE") ?? value("LANG") ?? "C"
        return ["UTF-8", "UTF8"].contains { locale.uppercased().contains($0) }
    }()
}
