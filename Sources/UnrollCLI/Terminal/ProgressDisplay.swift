import Foundation
import Unroll
import UnrollCharts

/// Shows how training goes: a chart and a line that are redrawn on a terminal, a line now and then elsewhere.
struct ProgressDisplay {
    private let canRedraw = Standard.error.canRedraw
    /// What stands before the facts, such as which of several networks is trained.
    private let label: String
    private var chart = LiveChart()
    /// The columns of each line that the next drawing replaces.
    private var openLines: [Int] = []
    private var lastLine: ContinuousClock.Instant?
    /// Seconds between lines if standard error is not a terminal.
    private static let interval = 5.0

    init(label: String = "") {
        // What moves the cursor would spoil the drawing.
        self.label = TextWidth.printable(label)
    }

    mutating func show(_ progress: TrainingProgress) {
        guard canRedraw else { return }
        let percent = Int(progress.fractionCompleted * 100)
        let facts =
            " \(label)\(percent)%  epoch \(progress.epoch)/\(progress.epochs)  perplexity \(NumberFormat.decimal(progress.perplexity))"
            + "  \(NumberFormat.grouped(progress.tokensPerSecond)) tokens/s  \(NumberFormat.time(progress.secondsRemaining)) left"
        let width = Standard.error.width
        let room = min(width - TextWidth.columns(facts) - 3, 30)
        let bar =
            if room >= 5 {
                "["
                    + String(repeating: "#", count: Int(progress.fractionCompleted * Double(room)))
                    .padding(toLength: room, withPad: "-", startingAt: 0) + "]"
            } else {
                ""
            }
        let lines = chart.lines(columns: width - 1, terminalRows: Standard.error.height)
        draw(lines + [Self.shortened(bar + facts, columns: width - 1)])
    }

    /// Shows a report, that of the last epoch or of the end of the run in any case.
    mutating func show(_ report: EpochReport, of epochs: Int, isEnd: Bool = false) {
        chart.add(report)
        let isLast = isEnd || report.epochs == Double(epochs)
        let isDue = lastLine.map { $0.duration(to: .now) >= .seconds(Self.interval) } ?? true
        guard isLast || (isDue && !canRedraw) else { return }
        lastLine = .now
        let part = report.partOfEpoch.map { " (\(Int($0 * 100))%)" } ?? ""
        var line =
            "\(label)epoch \(report.epoch)/\(epochs)\(part)  perplexity \(NumberFormat.decimal(report.perplexity))"
        if let validation = report.validationPerplexity {
            line += "  validation \(NumberFormat.decimal(validation))"
        }
        line += "  gradient \(NumberFormat.decimal(report.gradientNorm))"
        line += "  \(NumberFormat.grouped(report.tokensPerSecond)) tokens/s"
        // The chart stays where it was when training ends.
        if canRedraw {
            draw(chart.lines(columns: Standard.error.width - 1, terminalRows: Standard.error.height) + [line])
            Standard.error.write("\n")
            openLines = []
        } else {
            say(line)
        }
    }

    /// Prints a line above what is redrawn.
    mutating func say(_ line: String) {
        clear()
        Standard.error.say(line)
    }

    /// Takes away what would be redrawn.
    mutating func clear() {
        guard !openLines.isEmpty else { return }
        draw([])
    }

    private static func shortened(_ text: String, columns: Int) -> String {
        TerminalSettings.isUTF8 ? TextWidth.shortened(text, columns: columns) : String(text.prefix(columns))
    }

    private mutating func draw(_ lines: [String]) {
        // A terminal that has become narrower since shows a line in several rows.
        let width = max(1, Standard.error.width)
        let rows = openLines.reduce(0) { $0 + max(1, ($1 + width - 1) / width) }
        // To the beginning of what was drawn before, and clear all from there.
        let up = rows > 1 ? "\u{1B}[\(rows - 1)A" : ""
        Standard.error.write((rows > 0 ? "\(up)\r\u{1B}[J" : "") + lines.joined(separator: "\n"))
        openLines = lines.map(TextWidth.columns)
    }
}

/// The perplexities of a run so far, as a chart for a terminal.
struct LiveChart {
    private var training: [LineChart.Point] = []
    private var validation: [LineChart.Point] = []
    /// Rows of a terminal that are left to other things.
    private static let otherRows = 8
    private static let maximumRows = 12
    private static let minimumRows = 6
    private static let maximumColumns = 100
    /// More points than a chart has dots by far; beyond them every second one will do.
    private static let maximumPoints = 4000

    mutating func add(_ report: EpochReport) {
        Self.append(report.perplexity, at: report.epochs, to: &training)
        guard let perplexity = report.validationPerplexity else { return }
        Self.append(perplexity, at: report.epochs, to: &validation)
    }

    private static func append(_ perplexity: Double, at epochs: Double, to points: inout [LineChart.Point]) {
        if points.count >= maximumPoints {
            points = points.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        }
        points.append(LineChart.Point(x: epochs, y: perplexity))
    }

    /// The chart's lines; none while there is no curve yet, where there is no room, or no character to draw it with.
    func lines(columns: Int, terminalRows: Int) -> [String] {
        let rows = min(terminalRows - Self.otherRows, Self.maximumRows)
        guard TerminalSettings.isUTF8, training.count > 1, rows >= Self.minimumRows else { return [] }
        var chart = LineChart(
            title: "", xAxis: .init("epoch"), yAxis: .init("perplexity", scale: .logarithmic),
            series: [.init(name: "training", line: training)])
        if !validation.isEmpty { chart.series.append(.init(name: "validation", line: validation)) }
        return chart.terminalLines(columns: min(columns, Self.maximumColumns), rows: rows)
    }
}
