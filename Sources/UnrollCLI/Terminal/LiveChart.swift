import Unroll
import UnrollCharts

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

    /// The chart's lines; none while there is no curve yet, or where there is no room.
    func lines(columns: Int, terminalRows: Int) -> [String] {
        let rows = min(terminalRows - Self.otherRows, Self.maximumRows)
        guard training.count > 1, rows >= Self.minimumRows else { return [] }
        var chart = LineChart(
            title: "", xAxis: .init("epoch"), yAxis: .init("perplexity", scale: .logarithmic),
            series: [.init(name: "training", line: training)])
        if !validation.isEmpty { chart.series.append(.init(name: "validation", line: validation)) }
        return chart.terminalLines(columns: min(columns, Self.maximumColumns), rows: rows)
    }
}
