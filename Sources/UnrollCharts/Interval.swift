import Foundation

/// The part of an axis that a chart shows: never empty, and of numbers that can be computed with.
package struct Interval: Equatable, Sendable {
    package let lower: Double
    package let upper: Double
    package let scale: LineChart.Scale

    /// Numbers further from zero than this count as infinite, and closer ones as zero: differences and ratios
    /// of what is left are numbers too.
    private static let largest = 1e280

    /// An interval from one number to another, wider if there would be nothing to see.
    package init(_ lower: Double, _ upper: Double, _ scale: LineChart.Scale) {
        let fallback = scale == .linear ? (0.0, 1.0) : (1.0, 10.0)
        guard Self.shows(lower, scale), Self.shows(upper, scale) else {
            (self.lower, self.upper, self.scale) = (fallback.0, fallback.1, scale)
            return
        }
        var (first, last) = (min(lower, upper), max(lower, upper))
        let size = max(abs(first), abs(last))
        if last - first <= size * 1e-9 || size < 1 / Self.largest {
            switch scale {
            case .linear:
                let middle = first / 2 + last / 2
                let reach = size < 1 / Self.largest ? 1 : size / 2
                (first, last) = (middle - reach, middle + reach)
            case .logarithmic: (first, last) = (first / 2, last * 2)
            }
        }
        (self.lower, self.upper, self.scale) = (first, last, scale)
    }

    /// Whether a number has a place on an axis of this scale.
    package static func shows(_ value: Double, _ scale: LineChart.Scale) -> Bool {
        abs(value) <= largest && (scale == .linear || value >= 1 / largest)
    }

    /// Where a number is: 0 at the beginning of the interval and 1 at its end.
    package func position(of value: Double) -> Double {
        let position =
            switch scale {
            case .linear: (value - lower) / (upper - lower)
            case .logarithmic: (log10(value) - log10(lower)) / (log10(upper) - log10(lower))
            }
        // How far outside is of no interest, as long as clipping can compute with it.
        return position.isNaN ? 0 : min(max(position, -1e9), 1e9)
    }

    /// The interval with a margin on both sides, but not across zero.
    func padded(by fraction: Double) -> Interval {
        switch scale {
        case .linear:
            let margin = (upper - lower) * fraction
            let first = lower >= 0 ? max(0, lower - margin) : max(lower - margin, -Self.largest)
            let last = upper <= 0 ? min(0, upper + margin) : min(upper + margin, Self.largest)
            return Interval(lower == 0 ? 0 : first, upper == 0 ? 0 : last, scale)
        case .logarithmic:
            let margin = pow(10, (log10(upper) - log10(lower)) * fraction)
            return Interval(max(lower / margin, 1 / Self.largest), min(upper * margin, Self.largest), scale)
        }
    }

    /// The interval from zero on, if it begins close to zero.
    func includingZero(below fraction: Double) -> Interval {
        scale == .linear && lower > 0 && lower < fraction * upper ? Interval(0, upper, scale) : self
    }
}
