import Foundation
import Unroll

/// Shows how training goes: one line that is redrawn on a terminal, a line now and then elsewhere.
struct ProgressDisplay {
    private let isTerminal = Standard.error.isTerminal
    private var isLineOpen = false
    private var lastLine: ContinuousClock.Instant?
    /// Seconds between lines where nobody is looking.
    private static let interval = 5.0

    mutating func show(_ progress: TrainingProgress) {
        guard isTerminal else { return }
        let percent = Int(progress.fractionCompleted * 100)
        let facts =
            " \(percent)%  epoch \(progress.epoch)/\(progress.epochs)  perplexity \(Format.decimal(progress.perplexity))"
            + "  \(Format.grouped(progress.tokensPerSecond)) tokens/s  \(Format.time(progress.secondsRemaining)) left"
        let room = min(Standard.error.width - facts.count - 3, 30)
        let bar =
            if room >= 5 {
                "["
                    + String(repeating: "#", count: Int(progress.fractionCompleted * Double(room)))
                    .padding(toLength: room, withPad: "-", startingAt: 0) + "]"
            } else {
                ""
            }
        // To the beginning of the line, and clear what is left of it.
        Standard.error.write("\r" + String((bar + facts).prefix(Standard.error.width - 1)) + "\u{1B}[K")
        isLineOpen = true
    }

    /// Shows an epoch, the last one in any case.
    mutating func show(_ report: EpochReport, of epochs: Int) {
        let isLast = report.epoch == epochs
        let isDue = lastLine.map { $0.duration(to: .now) >= .seconds(Self.interval) } ?? true
        guard isLast || (isDue && !isTerminal) || (report.validationPerplexity != nil && isDue) else {
            return
        }
        lastLine = .now
        var line = "epoch \(report.epoch)/\(epochs)  perplexity \(Format.decimal(report.perplexity))"
        if let validation = report.validationPerplexity {
            line += "  validation \(Format.decimal(validation))"
        }
        line += "  gradient \(Format.decimal(report.gradientNorm))"
        line += "  \(Format.grouped(report.tokensPerSecond)) tokens/s"
        say(line)
    }

    /// Prints a line above the bar.
    mutating func say(_ line: String) {
        Standard.error.write((isLineOpen ? "\r\u{1B}[K" : "") + line + "\n")
        isLineOpen = false
    }
}

/// Numbers as people read them.
enum Format {
    /// Two digits after the point, or three significant ones for large numbers.
    static func decimal(_ value: Double) -> String {
        value.isFinite ? String(format: value < 1000 ? "%.3f" : "%.3g", value) : "\(value)"
    }

    /// Whole, with commas between groups of three digits.
    static func grouped(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let digits = String(Int(value.rounded()))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3), text != "-" { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Minutes and seconds, with hours if there are any.
    static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let total = Int(seconds.rounded())
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }
}
