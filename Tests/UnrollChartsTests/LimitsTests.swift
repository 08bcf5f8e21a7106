import Testing
import UnrollCharts

struct LimitsTests {
    private func limits(_ lines: [LineChart.Point]..., y: LineChart.Scale = .linear) -> Limits {
        Limits(of: Samples.chart(lines.map { .init(name: "a", line: $0) }, y: y))
    }

    @Test func beginAtZeroIfTheDataAlmostDo() {
        let near = limits(Samples.line([20, 3] + [Double](repeating: 2, count: 40)))
        #expect(near.x == Interval(0, 42, .linear))
        #expect(near.y.lower == 0)
        #expect(limits(Samples.line(10, 9)).y.lower > 8)
        #expect(limits(Samples.line(10, 9)).x == Interval(1, 2, .linear))
    }

    @Test func holdAllData() {
        let y = limits(Samples.line(22, 15, 9), y: .logarithmic).y
        #expect(y.lower < 9 && y.lower > 8)
        #expect(y.upper > 22 && y.upper < 25)
    }

    @Test(arguments: [LineChart.Scale.linear, .logarithmic])
    func leaveOutDivergence(scale: LineChart.Scale) {
        let fine = Samples.falling(epochs: 100, seed: 1)
        let diverged = Samples.line(20, 19, 18, 50, 1e9, 1e20, 1e30)
        #expect(limits(fine, diverged, y: scale).y.upper < 200)
        let plateau = Samples.line([20, 19] + [Double](repeating: 1e30, count: 98))
        #expect(limits(fine, fine, plateau, y: scale).y.upper < 200)
    }

    @Test func keepWhatFallsAndWhatGrows() {
        #expect(limits(Samples.line([1e6] + [Double](repeating: 2, count: 200))).y.upper > 1e6)
        #expect(limits(Samples.line((0...100).map { Double($0) * 50 }), Samples.line(1, 2)).y.upper > 5_000)
        #expect(limits(Samples.line([-5, -9, -8, 20])).y.upper > 20)
    }

    @Test func areThoseThatAreGiven() {
        var chart = Samples.chart([.init(name: "a", line: Samples.line(1, 2, 300))])
        chart.xAxis.limits = 0...2
        #expect(Limits(of: chart).x == Interval(0, 2, .linear))
        #expect(Limits(of: chart).y.upper < 3)
        chart.yAxis.limits = -5...5
        #expect(Limits(of: chart).y == Interval(-5, 5, .linear))
        chart.yAxis.scale = .logarithmic
        #expect(Limits(of: chart).y.lower > 0.9)
        chart.yAxis.limits = 1...(.infinity)
        #expect(Limits(of: chart).y.upper < 3)
    }

    @Test func holdMarks() {
        let chart = Samples.chart(
            [.init(name: "a", line: Samples.line(5, 4))],
            marks: [.level(2, label: "level"), .points([.init(x: 9, y: 7)], label: "points")])
        let limits = Limits(of: chart)
        #expect(limits.x.upper == 9)
        #expect(limits.y.lower < 2 && limits.y.upper > 7)
    }

    @Test func logarithmsPlaceRatios() {
        let interval = Interval(1, 100, .logarithmic)
        #expect(interval.position(of: 10) == 0.5)
        #expect(interval.position(of: 1000) == 1.5)
        #expect(Interval(0, 200, .linear).position(of: 50) == 0.25)
    }
}
