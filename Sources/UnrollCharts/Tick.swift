import Foundation

/// A number that an axis is labeled with.
package struct Tick: Equatable, Sendable {
    package let value: Double
    package let label: String

    /// The most ticks that an axis has room for.
    package static let most = 8

    /// At least three round numbers of an interval, in ascending order; `limit` is five or more.
    package static func ticks(in interval: Interval, atMost limit: Int = most) -> [Tick] {
        var numbers = numbers(in: interval, atMost: limit)
        if numbers.count < 3, limit < most {
            // No step gives few enough and not too few: every other one of the smaller step does.
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

    /// Multiples of the smallest of the steps 1, 2, 5, 10 … that gives no more than a number of them.
    ///
    /// If that is eight, the step before gave nine or more and is no less than two fifths of it, hence there
    /// are at least three.
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

    /// 1, 2 and 5 times powers of ten, or powers of ten only if those are too many; nil if they are too few.
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
