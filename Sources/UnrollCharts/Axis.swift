import Foundation

/// The part of an axis that a chart shows, never empty and finite.
package struct Interval: Equatable, Sendable {
    package let lower: Double
    package let upper: Double
    package let scale: LineChart.Scale

    /// Numbers further from zero than this count as infinite, and numbers closer than its inverse as zero, so that
    /// differences and ratios of the others are finite.
    private static let largest = 1e280

    /// An interval between two numbers, widened if they are too close to tell apart.
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

    /// The place of a number, 0 at the beginning of the interval and 1 at its end.
    package func position(of value: Double) -> Double {
        let position =
            switch scale {
            case .linear: (value - lower) / (upper - lower)
            case .logarithmic: (log10(value) - log10(lower)) / (log10(upper) - log10(lower))
            }
        // Far outside is far outside, but clipping needs a finite number.
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

/// A number that an axis is labeled with.
package struct Tick: Equatable, Sendable {
    package let value: Double
    package let label: String

    /// The most ticks that an axis has room for.
    package static let most = 8

    /// At least three and at most `limit` round numbers of an interval, in ascending order; `limit` is at least 5.
    package static func ticks(in interval: Interval, atMost limit: Int = most) -> [Tick] {
        var numbers = numbers(in: interval, atMost: limit)
        if numbers.count < 3, limit < most {
            // No step gives a number of ticks in 3...limit. Some of a smaller step's do.
            numbers = Self.numbers(in: interval, atMost: most)
            let step = (numbers.count + limit - 1) / limit
            numbers = stride(from: 0, to: numbers.count, by: max(1, step)).map { numbers[$0] }
        }
        return zip(numbers, RoundNumber.labels(numbers)).map { Tick(value: $0.value, label: $1) }
    }

    private static func numbers(in interval: Interval, atMost limit: Int) -> [RoundNumber] {
        switch interval.scale {
        case .linear: evenNumbers(in: interval, atMost: limit)
        case .logarithmic:
            roundRatios(in: interval, atMost: limit) ?? evenNumbers(in: interval, atMost: limit)
        }
    }

    /// Multiples of the smallest of the steps 1, 2, 5, 10 … that gives at most `limit` of them.
    ///
    /// With a limit of eight there are at least three: the step before gave nine or more, and is at least two
    /// fifths of this one.
    private static func evenNumbers(in interval: Interval, atMost limit: Int) -> [RoundNumber] {
        let power = Int(floor(log10(interval.upper - interval.lower)))
        for exponent in power - 2...power + 1 {
            for factor in [1, 2, 5] {
                let step = RoundNumber(digits: factor, exponent: exponent)
                // A tick that rounding puts next to the interval's end belongs to it.
                let first = (interval.lower / step.value - 1e-6).rounded(.up)
                let last = (interval.upper / step.value + 1e-6).rounded(.down)
                guard last - first < Double(limit), abs(first) < 1e15, abs(last) < 1e15 else { continue }
                let multiples = Int(first)...max(Int(first), Int(last))
                return multiples.map { RoundNumber(digits: $0 * factor, exponent: exponent) }
            }
        }
        return []
    }

    /// 1, 2 and 5 times powers of ten, or powers of ten alone where those are too many; nil where they are too few.
    private static func roundRatios(in interval: Interval, atMost limit: Int) -> [RoundNumber]? {
        func numbers(_ factors: [Int], every stride: Int) -> [RoundNumber] {
            let powers = Int(floor(log10(interval.lower))) - 1...Int(ceil(log10(interval.upper))) + 1
            return powers.filter { $0.isMultiple(of: stride) }
                .flatMap { power in factors.map { RoundNumber(digits: $0, exponent: power) } }
                .filter { -1e-6...1 + 1e-6 ~= interval.position(of: $0.value) }
        }
        let all = numbers([1, 2, 5], every: 1)
        guard all.count >= 3 else { return nil }
        guard all.count > limit else { return all }
        // Nine or more of the numbers above hold three powers of ten.
        return [1, 2, 3, 5, 10, 20, 50, 100].lazy.map { numbers([1], every: $0) }.first { $0.count <= limit }
    }
}

/// A whole number times a power of ten: 0.3 itself, not the nearest binary number.
package struct RoundNumber: Equatable, Sendable {
    package let digits: Int
    package let exponent: Int

    package init(digits: Int, exponent: Int) {
        self.digits = digits
        self.exponent = exponent
    }

    /// The nearest number of a few significant digits, without trailing zeros.
    package init(_ value: Double, significant count: Int = 4) {
        guard value.isFinite, value != 0 else {
            self.init(digits: 0, exponent: 0)
            return
        }
        var exponent = Int(floor(log10(abs(value)))) - count + 1
        let scaled = exponent < 0 ? value * pow(10, Double(-exponent)) : value / pow(10, Double(exponent))
        // Beyond 1e300 the power may be infinite. No chart draws such a number, but none may trap.
        guard scaled.isFinite else {
            self.init(digits: 0, exponent: 0)
            return
        }
        var digits = Int(scaled.rounded())
        while digits != 0, digits.isMultiple(of: 10) {
            digits /= 10
            exponent += 1
        }
        self.init(digits: digits, exponent: exponent)
    }

    package var value: Double {
        exponent < 0
            ? Double(digits) / pow(10, Double(-exponent)) : Double(digits) * pow(10, Double(exponent))
    }

    package var label: String {
        isLong ? scientific : plain
    }

    /// The labels of one axis: all with an exponent if one of them needs it.
    package static func labels(_ numbers: [RoundNumber]) -> [String] {
        let isLong = numbers.contains(where: \.isLong)
        return numbers.map { isLong ? $0.scientific : $0.plain }
    }

    /// Whether an exponent is easier to read: from a million on, or with more than five decimals.
    private var isLong: Bool {
        digits != 0 && (exponent < -5 || exponent + String(digits.magnitude).count > 6)
    }

    private var plain: String {
        guard exponent < 0 else {
            return digits == 0 ? "0" : String(digits) + String(repeating: "0", count: exponent)
        }
        var text = String(digits.magnitude)
        let missing = 1 - exponent - text.count
        if missing > 0 { text = String(repeating: "0", count: missing) + text }
        text.insert(".", at: text.index(text.endIndex, offsetBy: exponent))
        return digits < 0 ? "-" + text : text
    }

    private var scientific: String {
        guard digits != 0 else { return "0" }
        var text = String(digits.magnitude)
        let first = text.removeFirst()
        let power = exponent + text.count
        while text.last == "0" { text.removeLast() }
        return "\(digits < 0 ? "-" : "")\(first)\(text.isEmpty ? "" : ".")\(text)e\(power)"
    }
}
