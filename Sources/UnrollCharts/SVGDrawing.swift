extension LineChart {
    /// The chart as an SVG document.
    ///
    /// - Parameters:
    ///   - width: The width in pixels; values outside 240...10000 are clamped. Default: 640.
    ///   - height: The height in pixels with title and legend; values outside 180...10000 are clamped. Default: 400.
    /// - Returns: The contents of an `.svg` file.
    package func svg(width: Int = 640, height: Int = 400) -> String {
        var drawing = SVGDrawing(
            self, width: min(max(width, 240), 10_000), height: min(max(height, 180), 10_000))
        return drawing.drawn()
    }

    /// A description of the chart in words.
    var summary: String {
        var sentences = [
            "A line chart of \(yAxis.label.isEmpty ? "y" : yAxis.label) "
                + "against \(xAxis.label.isEmpty ? "x" : xAxis.label)."
        ]
        for one in series {
            let points = MedianCurve.segments(
                of: one.lines.map { CurveSegments($0, xScale: xAxis.scale, yScale: yAxis.scale) }
            ).joined()
            let name = one.name.isEmpty ? "A series" : one.name
            let runs = one.lines.count > 1 ? ", median of \(one.lines.count) runs" : ""
            guard let first = points.first, let last = points.reversed().first else {
                sentences.append("\(name): nothing to show.")
                continue
            }
            sentences.append("\(name)\(runs): from \(Self.words(first)) to \(Self.words(last)).")
        }
        for mark in marks {
            let place =
                switch mark.place {
                case .points(let points): points.map(Self.words).joined(separator: ", ")
                case .level(let level): RoundNumber(level).label
                }
            sentences.append("\(mark.label.isEmpty ? "Mark" : mark.label): \(place).")
        }
        return sentences.joined(separator: " ")
    }

    private static func words(_ point: Point) -> String {
        "\(RoundNumber(point.y).label) at \(RoundNumber(point.x).label)"
    }
}

/// The layout of a chart on a page, and the order in which it is drawn.
struct SVGDrawing {
    private let chart: LineChart
    private let limits: Limits
    private let curves: [Curve]
    private let xTicks: [Tick]
    private let yTicks: [Tick]
    private let titles: [String]
    private let subtitles: [String]
    private let legend: SVGLegend
    private let plot: PlotArea
    private let width: Double
    private let height: Double
    private var document: SVGDocument

    private static let margin = 12.0
    private static let titleSize = 15.0
    private static let subtitleSize = 12.0
    private static let labelSize = 12.0
    private static let tickSize = 11.0

    init(_ chart: LineChart, width: Int, height: Int) {
        self.chart = chart
        self.width = Double(width)
        self.height = Double(height)
        limits = Limits(of: chart)
        let limits = limits
        curves = chart.series.map {
            Curve($0, xScale: chart.xAxis.scale, yScale: chart.yAxis.scale, limits: limits)
        }
        xTicks = Tick.ticks(in: limits.x)
        yTicks = Tick.ticks(in: limits.y)
        document = SVGDocument(
            width: width, height: height, title: chart.title.isEmpty ? chart.yAxis.label : chart.title,
            description: chart.summary)

        let across = self.width - 2 * Self.margin
        titles = Self.wrapped(chart.title, room: across, size: Self.titleSize * 1.08)
        subtitles = Self.wrapped(chart.subtitle ?? "", room: across, size: Self.subtitleSize)
        let head =
            Self.margin + Double(titles.count) * 20 + Double(subtitles.count) * 16
            + (titles.isEmpty && subtitles.isEmpty ? 0 : 6)
        let numbers = 28 + (chart.xAxis.label.isEmpty ? 0.0 : 18)
        // The legend may take a third of the picture, if that leaves something to be named.
        let room = min(self.height * 0.35, self.height - head - numbers - 66)
        legend = SVGLegend(
            Self.entries(chart, curves), width: across,
            maximumRows: max(0, Int(room / SVGLegend.rowHeight)))
        let foot = legend.height + numbers
        let labels = yTicks.map { TextWidth.pixels($0.label, size: Self.tickSize) }.max() ?? 0
        let left = Self.margin + (chart.yAxis.label.isEmpty ? 0 : 20) + labels + 8
        // The last number below the chart is centered on a line that may be the chart's right edge.
        let below = self.width - left
        let overhang = xTicks.map { tick in
            TextWidth.pixels(tick.label, size: Self.tickSize) / 2
                - (1 - limits.x.position(of: tick.value)) * below
        }
        let right = max(Self.margin + 4, (overhang.max() ?? 0) + 4)
        plot = PlotArea(
            left: left, top: head, width: max(40, self.width - left - right),
            height: max(40, self.height - head - foot))
    }

    mutating func drawn() -> String {
        drawTitles()
        drawAxes()
        drawLevels()
        drawCurves()
        drawMarkers()
        legend.draw(in: &document, left: Self.margin, top: height - legend.height)
        return document.finished()
    }

    private mutating func drawTitles() {
        var baseline = Self.margin + 13
        for line in titles {
            document.add(
                text: line, x: Self.margin, y: baseline, "font-size=\"15\" font-weight=\"bold\"")
            baseline += 20
        }
        for line in subtitles {
            document.add(text: line, x: Self.margin, y: baseline - 2, "fill=\"#555\"")
            baseline += 16
        }
    }

    private mutating func drawAxes() {
        let xPlaces = xTicks.map { plot.x(Spot(x: limits.x.position(of: $0.value), y: 0)) }
        let yPlaces = yTicks.map { plot.y(Spot(x: 0, y: limits.y.position(of: $0.value))) }
        let (left, top) = (SVGDocument.number(plot.left), SVGDocument.number(plot.top))
        let (width, height) = (SVGDocument.number(plot.width), SVGDocument.number(plot.height))
        var grid = ""
        for x in xPlaces { grid += "M\(SVGDocument.number(x)) \(top)v\(height)" }
        for y in yPlaces { grid += "M\(left) \(SVGDocument.number(y))h\(width)" }
        if !grid.isEmpty { document.add("<path d=\"\(grid)\" fill=\"none\" stroke=\"#E2E2E2\"/>") }
        document.add("<path d=\"M\(left) \(top)v\(height)h\(width)\" fill=\"none\" stroke=\"#444\"/>")

        let widths = xTicks.map { TextWidth.pixels($0.label, size: Self.tickSize) + 6 }
        let every = Self.distance(between: xPlaces) { max(widths[$0], widths[$1]) }
        let look = "font-size=\"11\" text-anchor"
        for index in xTicks.indices where index.isMultiple(of: every) {
            document.add(
                text: xTicks[index].label, x: xPlaces[index], y: plot.bottom + 16, look + "=\"middle\"")
        }
        let other = Self.distance(between: yPlaces) { _, _ in 13 }
        for index in yTicks.indices where index.isMultiple(of: other) {
            document.add(
                text: yTicks[index].label, x: plot.left - 6, y: yPlaces[index] + 4, look + "=\"end\"")
        }
        drawAxisLabels()
    }

    private mutating func drawAxisLabels() {
        if !chart.xAxis.label.isEmpty {
            let label = TextWidth.shortened(chart.xAxis.label, pixels: plot.width, size: Self.labelSize)
            document.add(
                text: label, x: plot.left + plot.width / 2, y: plot.bottom + 34, "text-anchor=\"middle\"")
        }
        if !chart.yAxis.label.isEmpty {
            let label = TextWidth.shortened(chart.yAxis.label, pixels: plot.height, size: Self.labelSize)
            let (x, y) = (Self.margin + 10, plot.top + plot.height / 2)
            let turn = "rotate(-90 \(SVGDocument.number(x)) \(SVGDocument.number(y)))"
            document.add(text: label, x: x, y: y, "text-anchor=\"middle\" transform=\"\(turn)\"")
        }
    }

    private mutating func drawLevels() {
        var count = 0
        for mark in chart.marks {
            guard case .level(let level) = mark.place else { continue }
            defer { count += 1 }
            let height = limits.y.position(of: level)
            guard Interval.shows(level, chart.yAxis.scale), 0...1 ~= height else { continue }
            let line = SVGPath([[Spot(x: 0, y: height), Spot(x: 1, y: height)]], in: plot)
            document.add("<path d=\"\(line.data)\" \(SVGMarks.level(count))/>")
        }
    }

    private mutating func drawCurves() {
        for (index, curve) in curves.enumerated() {
            let style = SeriesStyle(index)
            for line in curve.lines {
                draw(line, SVGMarks.run(style.light), radius: 1, color: style.light)
            }
        }
        for (index, curve) in curves.enumerated() {
            let style = SeriesStyle(index)
            draw(curve.median, SVGMarks.median(style), radius: 2.5, color: style.color)
            for spot in curve.stops + curve.exits {
                document.add(SVGMarks.cross(x: plot.x(spot), y: plot.y(spot), color: style.color))
            }
        }
        guard curves.allSatisfy(\.median.isEmpty), chart.marks.isEmpty else { return }
        document.add(
            text: "no data", x: plot.left + plot.width / 2, y: plot.top + plot.height / 2,
            "text-anchor=\"middle\" fill=\"#555\"")
    }

    private mutating func draw(_ parts: [[Spot]], _ look: String, radius: Double, color: String) {
        let path = SVGPath(parts, in: plot)
        if !path.data.isEmpty { document.add("<path d=\"\(path.data)\" \(look)/>") }
        for dot in path.dots {
            document.add(SVGMarks.dot(x: dot.x, y: dot.y, radius: radius, color: color))
        }
    }

    private mutating func drawMarkers() {
        var count = 0
        for mark in chart.marks {
            guard case .points(let points) = mark.place else { continue }
            for point in points {
                guard Interval.shows(point.x, chart.xAxis.scale), Interval.shows(point.y, chart.yAxis.scale)
                else { continue }
                let spot = Spot(x: limits.x.position(of: point.x), y: limits.y.position(of: point.y))
                if spot.isInside { document.add(SVGMarks.marker(count, x: plot.x(spot), y: plot.y(spot))) }
            }
            count += 1
        }
    }

    private static func entries(_ chart: LineChart, _ curves: [Curve]) -> [SVGLegend.Entry] {
        var entries: [SVGLegend.Entry] = []
        for (index, one) in chart.series.enumerated() where !one.name.isEmpty {
            entries.append(.init(sample: .series(SeriesStyle(index)), label: one.name))
        }
        if curves.contains(where: { !$0.lines.isEmpty }) {
            entries.append(.init(sample: .run, label: "one run (bold: median of runs)"))
        }
        var (levels, markers) = (0, 0)
        for mark in chart.marks {
            switch mark.place {
            case .points:
                if !mark.label.isEmpty { entries.append(.init(sample: .marker(markers), label: mark.label)) }
                markers += 1
            case .level:
                if !mark.label.isEmpty { entries.append(.init(sample: .level(levels), label: mark.label)) }
                levels += 1
            }
        }
        let stop = curves.contains { !$0.stops.isEmpty } ? ["ends early"] : []
        let exit = curves.contains { !$0.exits.isEmpty } ? ["leaves the chart"] : []
        if let reason = Optional((stop + exit).joined(separator: " or ")), !reason.isEmpty {
            entries.append(.init(sample: .cross, label: "run " + reason))
        }
        return entries
    }

    /// The smallest distance between labels, in ticks, at which none overlaps the next.
    private static func distance(between places: [Double], room: (Int, Int) -> Double) -> Int {
        (1...max(1, places.count)).first { step in
            stride(from: 0, to: places.count - step, by: step).allSatisfy { index in
                abs(places[index + step] - places[index]) >= room(index, index + step)
            }
        } ?? 1
    }

    /// At most two lines; text that does not fit ends in an ellipsis.
    private static func wrapped(_ text: String, room: Double, size: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last,
                lines.count == 2 || TextWidth.pixels(last + " " + word, size: size) <= room
            {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { TextWidth.shortened($0, pixels: room, size: size) }
    }
}

/// The rectangle of a page between the axes, in pixels.
struct PlotArea {
    let left: Double
    let top: Double
    let width: Double
    let height: Double

    var right: Double { left + width }
    var bottom: Double { top + height }

    func x(_ spot: Spot) -> Double { left + spot.x * width }
    func y(_ spot: Spot) -> Double { top + (1 - spot.y) * height }
}
