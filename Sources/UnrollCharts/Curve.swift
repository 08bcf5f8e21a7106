/// A series ready to be drawn, in coordinates from 0 to 1 on both axes.
struct Curve {
    /// Each line of the series; empty if there is only one.
    let lines: [[[Spot]]]
    /// The median of the lines.
    let median: [[Spot]]
    /// Where lines end before others of the series.
    let stops: [Spot]
    /// Where lines leave the chart through its top or bottom, and do not come back.
    let exits: [Spot]
    /// The height of the median's last point, if it is to be seen.
    let lastHeight: Double?

    init(_ series: LineChart.Series, xScale: LineChart.Scale, yScale: LineChart.Scale, limits: Limits) {
        let lines = series.lines.map { Pieces($0, xScale: xScale, yScale: yScale) }
        let place = { (point: LineChart.Point) in
            Spot(x: limits.x.position(of: point.x), y: limits.y.position(of: point.y))
        }
        let draw = { (pieces: [[LineChart.Point]]) in pieces.flatMap { Clip.inside($0.map(place)) } }
        let drawn = lines.map { draw($0.pieces) }
        median = lines.count > 1 ? draw(Median.pieces(of: lines)) : drawn.first ?? []
        lastHeight = median.last?.last?.y
        var (stops, exits): ([Spot], [Spot]) = ([], [])
        let longest = lines.compactMap { $0.end?.x }.max() ?? 0
        for (line, spots) in zip(lines, drawn) {
            guard let end = line.end, let last = spots.last?.last else { continue }
            let spot = place(end)
            if spot == last {
                if line.isCutOff || end.x < longest { stops.append(spot) }
            } else if 0...1 ~= spot.x {
                exits.append(last)
            }
        }
        self.stops = stops
        self.exits = exits
        self.lines = lines.count > 1 ? drawn : []
    }
}
