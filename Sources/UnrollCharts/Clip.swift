/// A place in a chart: 0, 0 is the lower left corner and 1, 1 the upper right one.
package struct Spot: Equatable, Sendable {
    package var x: Double
    package var y: Double

    package init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }

    var isInside: Bool { 0...1 ~= x && 0...1 ~= y }
}

/// Cuts lines off where they leave the chart.
package enum Clip {
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

    /// The part of a straight line that is inside, after Liang and Barsky: from which share of it to which.
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
