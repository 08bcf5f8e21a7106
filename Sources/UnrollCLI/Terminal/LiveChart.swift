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

    mutating func add(_ report: EpochReport) {
        training.append(LineChart.Point(x: Double(report.epoch), y: report.perplexity))
        guard let perplexity = report.validationPerplexity else { return }
        validation.append(LineChart.Point(x: Double(report.epoch), y: perplexity))
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
