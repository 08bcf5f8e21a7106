import Foundation

/// The intervals that a chart's axes show: all points except those of diverged runs.
package struct Limits: Sendable {
    package let x: Interval
    package let y: Interval

    package init(of chart: LineChart) {
        let (xScale, yScale) = (chart.xAxis.scale, chart.yAxis.scale)
        let given = Self.given(chart.xAxis)
        // Points outside the horizontal limits do not count for the vertical ones.
        let isDrawn = { (point: LineChart.Point) in
            Interval.shows(point.x, xScale) && Interval.shows(point.y, yScale)
                && given.map { $0.lower...$0.upper ~= point.x } ?? true
        }
        let lines = chart.series.flatMap(\.lines).map { $0.filter(isDrawn) }.filter { !$0.isEmpty }
        var marked: [LineChart.Point] = []
        var levels: [Double] = []
        for mark in chart.marks {
            switch mark.place {
            case .points(let points): marked += points.filter(isDrawn)
            case .level(let level): levels += Interval.shows(level, yScale) ? [level] : []
            }
        }
        x =
            given
            ?? Self.interval(lines.joined().map(\.x) + marked.map(\.x), xScale).includingZero(below: 0.1)
        y =
            Self.given(chart.yAxis)
            ?? Self.interval(
                Self.measured(lines.map { $0.map(\.y) }, yScale) + marked.map(\.y) + levels, yScale
            )
            .includingZero(below: 0.25).padded(by: 0.04)
    }

    private static func given(_ axis: LineChart.Axis) -> Interval? {
        guard let limits = axis.limits, limits.lowerBound < limits.upperBound,
            Interval.shows(limits.lowerBound, axis.scale), Interval.shows(limits.upperBound, axis.scale)
        else { return nil }
        return Interval(limits.lowerBound, limits.upperBound, axis.scale)
    }

    private static func interval(_ values: [Double], _ scale: LineChart.Scale) -> Interval {
        Interval(values.min() ?? .nan, values.max() ?? .nan, scale)
    }

    /// The values without those of runs that have diverged.
    ///
    /// Beside a run that ends at 1e30, all others would be one flat line. A value counts as diverged if it comes
    /// after its line's lowest point, and is either ten times above nine tenths of all values (a thousand times
    /// on a logarithmic axis, where ten times is close), or a thousand times above more than half of the lines.
    private static func measured(_ lines: [[Double]], _ scale: LineChart.Scale) -> [Double] {
        let values = lines.flatMap(\.self).sorted()
        guard let lowest = values.first, let highest = values.last, highest > lowest else { return values }
        var fallen = lowest
        for line in lines {
            let bottom = line.indices.min { line[$0] < line[$1] } ?? 0
            fallen = max(fallen, line[...bottom].max() ?? fallen)
        }
        let most = values[(values.count - 1) * 9 / 10]
        let tops = lines.compactMap { $0.max() }.sorted()
        let half = tops[tops.count / 2]
        for (usual, factor) in [(half, 1e3), (most, scale == .linear ? 10 : 1e3)] {
            let ceiling = max(fallen, usual)
            guard ceiling > max(lowest, 0), highest / factor > ceiling else { continue }
            let bound =
                scale == .linear
                ? ceiling + (ceiling - lowest) / 2 : ceiling * (ceiling / lowest).squareRoot()
            return values.filter { $0 <= bound }
        }
        return values
    }
}
