extension LineChart {
    /// The chart as lines of text, drawn with the dots of braille characters.
    ///
    /// Each series is drawn as its median, with its name at the right if there are several and room for it.
    /// On a small terminal names are left out first, then axes.
    ///
    /// - Parameters:
    ///   - columns: The greatest width of a line.
    ///   - rows: The greatest number of lines.
    /// - Returns: At most `rows` lines from top to bottom, none wider than `columns`; none if either is 0.
    package func terminalLines(columns: Int, rows: Int) -> [String] {
        guard columns > 0, rows > 0 else { return [] }
        return TerminalDrawing(self, columns: min(columns, 1_000), rows: min(rows, 500)).lines()
    }
}

/// The layout of a chart on a terminal: the parts that fit, and their places.
struct TerminalDrawing {
    private let chart: LineChart
    private let limits: Limits
    private let curves: [Curve]
    private let columns: Int
    private let head: String?
    /// Lines below the dots: the axis and its numbers, or nothing.
    private let footRows: Int
    /// The y labels by row.
    private let labels: [Int: String]
    private let labelWidth: Int
    /// The names of the series by row.
    private let names: [Int: String]
    private let canvas: BrailleCanvas

    init(_ chart: LineChart, columns: Int, rows: Int) {
        self.chart = chart
        self.columns = columns
        limits = Limits(of: chart)
        let limits = limits
        curves = chart.series.map {
            Curve($0, xScale: chart.xAxis.scale, yScale: chart.yAxis.scale, limits: limits)
        }
        let head = [chart.yAxis.label, chart.title].map(TextWidth.printable).filter { !$0.isEmpty }
            .joined(separator: " · ")
        self.head = rows >= 6 && !head.isEmpty ? head : nil
        footRows = rows >= 5 ? 2 : 0
        let plotRows = rows - footRows - (self.head == nil ? 0 : 1)

        let ticks = Tick.ticks(in: limits.y, atMost: 5)
        let widest = ticks.map(\.label.count).max() ?? 0
        // Labels take a third of the width at most, and the line of the axis one column more.
        labelWidth = columns >= 8 && widest + 2 <= columns / 3 ? widest + 1 : 0
        let axisWidth = labelWidth > 0 ? labelWidth + 1 : 0
        names = Self.names(chart.series, curves, rows: plotRows, room: (columns - axisWidth) / 3)
        let nameWidth = names.values.map { TextWidth.columns($0) + 1 }.max() ?? 0
        var canvas = BrailleCanvas(columns: max(1, columns - axisWidth - nameWidth), rows: max(1, plotRows))
        var labels: [Int: String] = [:]
        for tick in ticks {
            let row = canvas.row(limits.y.position(of: tick.value))
            if labels[row] == nil { labels[row] = tick.label }
        }
        self.labels = labels
        Self.draw(chart, curves, limits, on: &canvas)
        self.canvas = canvas
    }

    func lines() -> [String] {
        var lines: [String] = []
        if let head { lines.append(TextWidth.shortened(head, columns: columns)) }
        for row in 0..<canvas.rows {
            let label = labels[row]
            var line = canvas.text(row: row)
            if labelWidth > 0 {
                line = Self.padded(label ?? "", labelWidth - 1) + (label == nil ? " │" : " ┤") + line
            }
            if let name = names[row] { line += " " + name }
            lines.append(Self.trimmed(line))
        }
        if footRows == 2 {
            let indent = String(repeating: " ", count: labelWidth)
            let rule = String(repeating: "─", count: canvas.columns)
            lines.append(labelWidth > 0 ? indent + "└" + rule : rule)
            lines.append(Self.trimmed((labelWidth > 0 ? indent + " " : "") + foot))
        }
        return lines
    }

    /// The first and the last number of the horizontal axis with its label between them.
    private var foot: String {
        let first = RoundNumber(limits.x.lower).label
        let last = RoundNumber(limits.x.upper).label
        let room = canvas.columns - first.count - last.count
        guard room >= 1 else { return first.count <= canvas.columns ? first : "" }
        let name = TextWidth.shortened(TextWidth.printable(chart.xAxis.label), columns: max(0, room - 2))
        let free = room - TextWidth.columns(name)
        return first + String(repeating: " ", count: free / 2) + name
            + String(repeating: " ", count: free - free / 2) + last
    }

    private static func draw(
        _ chart: LineChart, _ curves: [Curve], _ limits: Limits, on canvas: inout BrailleCanvas
    ) {
        for curve in curves {
            for part in curve.median { canvas.draw(part) }
        }
        for mark in chart.marks {
            switch mark.place {
            case .level(let level):
                let height = limits.y.position(of: level)
                if Interval.shows(level, chart.yAxis.scale), 0...1 ~= height { canvas.drawLevel(height) }
            case .points(let points):
                for point in points
                where Interval.shows(point.x, chart.xAxis.scale) && Interval.shows(point.y, chart.yAxis.scale)
                {
                    let spot = Spot(x: limits.x.position(of: point.x), y: limits.y.position(of: point.y))
                    if spot.isInside { canvas.drawMarker(spot) }
                }
            }
        }
    }

    /// The names of several series, as close to the height of their last points as their order allows.
    private static func names(
        _ series: [LineChart.Series], _ curves: [Curve], rows: Int, room: Int
    ) -> [Int: String] {
        let canvas = BrailleCanvas(columns: 1, rows: max(1, rows))
        let named = zip(series, curves).compactMap { one, curve in
            one.name.isEmpty ? nil : curve.lastHeight.map { (name: one.name, height: $0) }
        }
        guard named.count > 1, named.count <= rows, room >= 6 else { return [:] }
        var names: [Int: String] = [:]
        var free = 0
        for (index, one) in named.sorted(by: { $0.height > $1.height }).enumerated() {
            // The names that follow need a row each.
            let row = min(max(canvas.row(one.height), free), rows - (named.count - index))
            names[row] = TextWidth.shortened(TextWidth.printable(one.name), columns: min(room, 24) - 1)
            free = row + 1
        }
        return names
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
