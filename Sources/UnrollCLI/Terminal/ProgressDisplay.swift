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
