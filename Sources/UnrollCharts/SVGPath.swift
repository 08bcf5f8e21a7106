/// A curve in pixels as the data of a path: relative hundredths, which are half as long as coordinates.
struct SVGPath {
    /// The data of all parts that are more than a point; empty if there are none.
    private(set) var data = ""
    /// Parts that are a single point, which a path would not show.
    private(set) var dots: [(x: Double, y: Double)] = []

    /// - Parameters:
    ///   - parts: What is connected, from 0 to 1 on both axes.
    ///   - plot: Where that is on the page.
    init(_ parts: [[Spot]], in plot: PlotArea) {
        for part in parts {
            let points = Self.thinned(part.map { (plot.x($0), plot.y($0)) })
            guard let first = points.first else { continue }
            var last = (x: SVGDocument.hundredths(first.x), y: SVGDocument.hundredths(first.y))
            let start = "M" + Self.pair(last.x, last.y)
            var steps = ""
            for point in points.dropFirst() {
                let next = (x: SVGDocument.hundredths(point.x), y: SVGDocument.hundredths(point.y))
                guard next != last else { continue }
                let step = Self.pair(next.x - last.x, next.y - last.y)
                steps += (steps.isEmpty ? "l" : step.hasPrefix("-") ? "" : " ") + step
                last = next
            }
            if steps.isEmpty { dots.append(first) } else { data += start + steps }
        }
    }

    private static func pair(_ x: Int, _ y: Int) -> String {
        let second = SVGDocument.number(hundredths: y)
        return SVGDocument.number(hundredths: x) + (second.hasPrefix("-") ? "" : " ") + second
    }

    /// Of the points in the same pixel column the lowest and the highest, so that no spike is lost.
    private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > 2 else { return points }
        var result = [points[0]]
        var start = 1
        while start < points.count - 1 {
            let column = points[start].x.rounded(.down)
            var (end, low, high) = (start, start, start)
            while end < points.count - 1, points[end].x.rounded(.down) == column {
                if points[end].y < points[low].y { low = end }
                if points[end].y > points[high].y { high = end }
                end += 1
            }
            result.append(points[min(low, high)])
            if low != high { result.append(points[max(low, high)]) }
            start = end
        }
        result.append(points[points.count - 1])
        return result
    }
}
