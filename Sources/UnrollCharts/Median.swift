/// The median of lines at every x where one of them has a point.
///
/// Between its points a line counts as straight, where it has a gap or has ended it does not count: the lines
/// may have different points and lengths. Of an even number of values it is the mean of the middle two.
package enum Median {
    package static func pieces(of lines: [Pieces]) -> [[LineChart.Point]] {
        guard lines.count > 1 else { return lines.first?.pieces ?? [] }
        var waiting = lines.flatMap(\.pieces).map(Cursor.init).sorted { $0.start > $1.start }
        let positions = Set(waiting.flatMap { $0.points.map(\.x) }).sorted()
        var active: [Cursor] = []
        var result: [[LineChart.Point]] = []
        for x in positions {
            // What has ended before x bridges nothing.
            active.removeAll { $0.end < x }
            let isBridged = !active.isEmpty
            while let next = waiting.last, next.start <= x {
                active.append(next)
                waiting.removeLast()
            }
            let values = active.indices.map { active[$0].value(at: x) }
            let point = LineChart.Point(x: x, y: middle(of: values))
            if isBridged, !result.isEmpty {
                result[result.count - 1].append(point)
            } else {
                result.append([point])
            }
        }
        return result
    }

    private static func middle(of values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let half = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? sorted[half - 1] / 2 + sorted[half] / 2 : sorted[half]
    }

    /// A piece of a line that is read from left to right.
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
