import UnrollBase

/// A series as it is drawn, in coordinates from 0 to 1 on both axes.
struct Curve {
    /// Each line of the series; empty if there is only one.
    let lines: [[[Spot]]]
    /// The median of the lines.
    let median: [[Spot]]
    /// The ends of lines that are shorter than others of the series.
    let stops: [Spot]
    /// The places where lines leave the chart through its top or bottom for good.
    let exits: [Spot]
    /// The height of the median's last point inside the chart; nil if there is none.
    let lastHeight: Double?

    init(_ series: LineChart.Series, xScale: LineChart.Scale, yScale: LineChart.Scale, limits: Limits) {
        let lines = series.lines.map { CurveSegments($0, xScale: xScale, yScale: yScale) }
        let place = { (point: LineChart.Point) in
            Spot(x: limits.x.position(of: point.x), y: limits.y.position(of: point.y))
        }
        let draw = { (segments: [[LineChart.Point]]) in segments.flatMap { Clipping.inside($0.map(place)) } }
        let drawn = lines.map { draw($0.segments) }
        median = lines.count > 1 ? draw(MedianCurve.segments(of: lines)) : drawn.first ?? []
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

/// The drawable parts of a line: runs of points without a gap.
package struct CurveSegments: Equatable, Sendable {
    package let segments: [[LineChart.Point]]
    /// Whether points that cannot be drawn follow the last segment.
    package let isCutOff: Bool

    package init(_ line: [LineChart.Point], xScale: LineChart.Scale, yScale: LineChart.Scale) {
        var segments: [[LineChart.Point]] = []
        var isOpen = false
        for point in line {
            guard Interval.shows(point.x, xScale), Interval.shows(point.y, yScale) else {
                isOpen = false
                continue
            }
            if isOpen { segments[segments.count - 1].append(point) } else { segments.append([point]) }
            isOpen = true
        }
        self.segments = segments
        isCutOff = !segments.isEmpty && !isOpen
    }

    var end: LineChart.Point? { segments.last?.last }
}

/// The median of lines at every x where one of them has a point.
///
/// The lines may have different points and lengths. Between its points a line is straight; in a gap and after its
/// end it does not count.
package enum MedianCurve {
    package static func segments(of lines: [CurveSegments]) -> [[LineChart.Point]] {
        guard lines.count > 1 else { return lines.first?.segments ?? [] }
        var waiting = lines.flatMap(\.segments).map(Cursor.init).sorted { $0.start > $1.start }
        let positions = Set(waiting.flatMap { $0.points.map(\.x) }).sorted()
        var active: [Cursor] = []
        var result: [[LineChart.Point]] = []
        for x in positions {
            // Segments that end before x do not bridge the gap to it.
            active.removeAll { $0.end < x }
            let isBridged = !active.isEmpty
            while let next = waiting.last, next.start <= x {
                active.append(next)
                waiting.removeLast()
            }
            let values = active.indices.map { active[$0].value(at: x) }
            let point = LineChart.Point(x: x, y: values.median ?? .nan)
            if isBridged, !result.isEmpty {
                result[result.count - 1].append(point)
            } else {
                result.append([point])
            }
        }
        return result
    }

    /// A segment that is read from left to right.
    private struct Cursor {
        let points: [LineChart.Point]
        let start: Double
        let end: Double
        private var index = 0

        init(_ piece: [LineChart.Point]) {
            let isAscending = zip(piece, piece.dropFirst()).allSatisfy { $0.x <= $1.x }
            points = isAscending ? piece : piece.sorted { $0.x < $1.x }
            start = points.first?.x ?? 0
            end = points.last?.x ?? 0
        }

        mutating func value(at x: Double) -> Double {
            while index + 1 < points.count, points[index + 1].x <= x { index += 1 }
            let left = points[index]
            guard index + 1 < points.count, left.x < x else { return left.y }
            let right = points[index + 1]
            let share = (x - left.x) / (right.x - left.x)
            return left.y * (1 - share) + right.y * share
        }
    }
}

/// A place in a chart, from 0, 0 in the lower left corner to 1, 1 in the upper right one.
package struct Spot: Equatable, Sendable {
    package var x: Double
    package var y: Double

    package init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }

    var isInside: Bool { 0...1 ~= x && 0...1 ~= y }
}

/// Clipping of lines at the edges of a chart.
package enum Clipping {
    /// The parts of a line that are inside.
    package static func inside(_ line: [Spot]) -> [[Spot]] {
        guard let first = line.first else { return [] }
        guard line.count > 1 else { return first.isInside ? [line] : [] }
        var parts: [[Spot]] = []
        for (from, to) in zip(line, line.dropFirst()) {
            guard let (start, end) = part(from, to) else { continue }
            if parts.last?.last == start, start == from {
                parts[parts.count - 1].append(end)
            } else {
                parts.append([start, end])
            }
        }
        return parts
    }

    /// The part of a straight line that is inside, by the algorithm of Liang and Barsky; nil if there is none.
    private static func part(_ from: Spot, _ to: Spot) -> (Spot, Spot)? {
        if from.isInside, to.isInside { return (from, to) }
        let (width, height) = (to.x - from.x, to.y - from.y)
        var (first, last) = (0.0, 1.0)
        for (rise, room) in [(-width, from.x), (width, 1 - from.x), (-height, from.y), (height, 1 - from.y)] {
            if rise == 0 {
                if room < 0 { return nil }
            } else if rise < 0 {
                first = max(first, room / rise)
            } else {
                last = min(last, room / rise)
            }
        }
        guard first <= last else { return nil }
        func spot(_ share: Double) -> Spot {
            let x = share == 1 ? to.x : from.x + share * width
            let y = share == 1 ? to.y : from.y + share * height
            return Spot(x: min(max(x, 0), 1), y: min(max(y, 0), 1))
        }
        return (spot(first), spot(last))
    }
}
