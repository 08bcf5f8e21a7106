import Testing
import UnrollCharts

struct TickTests {
    @Test(
        arguments: [
            (0.0, 500.0, ["0", "100", "200", "300", "400", "500"]),
            (0, 22, ["0", "5", "10", "15", "20"]),
            (5.9, 7.4, ["6.0", "6.2", "6.4", "6.6", "6.8", "7.0", "7.2", "7.4"]),
            (-0.3, 0.3, ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3"]),
            (0, 5e7, ["0", "1e7", "2e7", "3e7", "4e7", "5e7"]),
            (0, 1.5e6, ["0", "2e5", "4e5", "6e5", "8e5", "1e6", "1.2e6", "1.4e6"]),
            (0.001, 0.0016, ["0.0010", "0.0011", "0.0012", "0.0013", "0.0014", "0.0015", "0.0016"]),
            (1e-9, 5e-9, ["1e-9", "2e-9", "3e-9", "4e-9", "5e-9"]),
        ])
    func linear(lower: Double, upper: Double, labels: [String]) {
        #expect(Tick.ticks(in: Interval(lower, upper, .linear)).map(\.label) == labels)
    }

    @Test(
        arguments: [
            (1.0, 22.0, ["1", "2", "5", "10", "20"]),
            (1.0, 1.5, ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]),
            (5.9, 7.4, ["6.0", "6.2", "6.4", "6.6", "6.8", "7.0", "7.2", "7.4"]),
            (0.1, 3, ["0.1", "0.2", "0.5", "1", "2"]),
            (1, 1000, ["1", "10", "100", "1000"]),
            (1, 1e30, ["1e0", "1e5", "1e10", "1e15", "1e20", "1e25", "1e30"]),
        ])
    func logarithmic(lower: Double, upper: Double, labels: [String]) {
        #expect(Tick.ticks(in: Interval(lower, upper, .logarithmic)).map(\.label) == labels)
    }

    @Test(arguments: [LineChart.Scale.linear, .logarithmic])
    func areThreeToEightRoundNumbersInside(scale: LineChart.Scale) {
        var random = Random(state: 1)
        for _ in 0..<20_000 {
            let lower = (random.unit() * 2 - 0.7) * [1e-12, 1e-3, 1, 40, 1e9].randomElement(of: &random)
            let upper =
                lower + abs(lower) * random.unit()
                * [1e-6, 0.01, 1, 10, 1e6, 1e40].randomElement(of: &random)
            guard lower < upper, scale == .linear || lower > 0 else { continue }
            let interval = Interval(lower, upper, scale)
            let ticks = Tick.ticks(in: interval)
            #expect(3...8 ~= ticks.count, "\(lower) to \(upper): \(ticks.map(\.label))")
            #expect(Set(ticks.map(\.label)).count == ticks.count, "\(lower) to \(upper)")
            #expect(ticks.allSatisfy { -1e-5...1.00001 ~= interval.position(of: $0.value) })
            for tick in ticks {
                let read = Double(tick.label) ?? .nan
                #expect(abs(read - tick.value) <= 1e-12 * abs(tick.value), "\(tick)")
            }
        }
    }

    @Test(arguments: [LineChart.Scale.linear, .logarithmic])
    func anyTwoNumbersMakeAnInterval(scale: LineChart.Scale) {
        for lower in Samples.extremes {
            for upper in Samples.extremes {
                let interval = Interval(lower, upper, scale)
                #expect(interval.lower < interval.upper)
                #expect(interval.position(of: interval.lower) == 0)
                #expect(interval.position(of: interval.upper) == 1)
                #expect(3...8 ~= Tick.ticks(in: interval).count, "\(interval)")
            }
        }
    }

    @Test(
        arguments: [
            (0.0, "0"), (500, "500"), (1.03, "1.03"), (-0.5, "-0.5"), (123_456, "123500"), (1e6, "1e6"),
            (2_500_000, "2.5e6"), (1e-7, "1e-7"), (0.05, "0.05"), (.nan, "0"), (1e30, "1e30"),
            (99_999, "100000"),
        ])
    func shortNumbers(value: Double, label: String) {
        #expect(RoundNumber(value).label == label)
    }
}

extension [Double] {
    fileprivate func randomElement(of random: inout Random) -> Double {
        self[random.next(below: count)]
    }
}
