extension LineChart {
    /// The chart as a picture for a page.
    ///
    /// - Parameters:
    ///   - width: The width in pixels, at least 240.
    ///   - height: The height in pixels, at least 180; title and legend are part of it.
    /// - Returns: An SVG document: text that a file with the ending `.svg` may consist of.
    public func svg(width: Int = 640, height: Int = 400) -> String {
        var drawing = SVGDrawing(
            self, width: min(max(width, 240), 10_000), height: min(max(height, 180), 10_000))
        return drawing.drawn()
    }

    /// What the chart shows, in words.
    var summary: String {
        var sentences = [
            "A line chart of \(yAxis.label.isEmpty ? "y" : yAxis.label) "
                + "against \(xAxis.label.isEmpty ? "x" : xAxis.label)."
        ]
        for one in series {
            let points = Median.pieces(
                of: one.lines.map { Pieces($0, xScale: xAxis.scale, yScale: yAxis.scale) }
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
