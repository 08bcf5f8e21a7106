/// A line as what can be drawn of it: points without a gap between them.
package struct Pieces: Equatable, Sendable {
    package let pieces: [[LineChart.Point]]
    /// Whether the line goes on after the last piece, with points that cannot be drawn.
    package let isCutOff: Bool

    package init(_ line: [LineChart.Point], xScale: LineChart.Scale, yScale: LineChart.Scale) {
        var pieces: [[LineChart.Point]] = []
        var isOpen = false
        for point in line {
            guard Interval.shows(point.x, xScale), Interval.shows(point.y, yScale) else {
                isOpen = false
                continue
            }
            if isOpen { pieces[pieces.count - 1].append(point) } else { pieces.append([point]) }
            isOpen = true
        }
        self.pieces = pieces
        isCutOff = !pieces.isEmpty && !isOpen
    }

    var end: LineChart.Point? { pieces.last?.last }
}
