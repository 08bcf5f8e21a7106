import UnrollCharts

/// Numbers for charts.
enum Samples {
    /// Points at 1, 2, 3 and so on.
    static func line(_ values: Double..., from first: Int = 1) -> [LineChart.Point] {
        line(values, from: first)
    }

    static func line(_ values: [Double], from first: Int = 1) -> [LineChart.Point] {
        values.enumerated().map { .init(x: Double($0.offset + first), y: $0.element) }
    }

    /// A perplexity that falls from 22 to about 1 with some noise.
    static func falling(epochs: Int, seed: UInt64, to end: Double = 1.03) -> [LineChart.Point] {
        var random = Random(state: seed)
        var value = 22.0
        return (1...epochs).map { epoch in
            value = end + (value - end) * (1 - 5 / Double(epochs))
            return .init(x: Double(epoch), y: value * (1 + 0.02 * random.unit()))
        }
    }

    static func chart(
        _ series: [LineChart.Series], marks: [LineChart.Mark] = [], x: LineChart.Scale = .linear,
        y: LineChart.Scale = .linear
    ) -> LineChart {
        LineChart(
            title: "Title", subtitle: "Subtitle", xAxis: .init("epoch", scale: x),
            yAxis: .init("perplexity", scale: y), series: series, marks: marks)
    }

    /// Numbers that are hard on arithmetic.
    static let extremes: [Double] = [
        0, -0.0, 1, -1, 0.5, 7.3, 1e-9, .leastNonzeroMagnitude, 1e-300, 1e15, 1e30, -1e30, 1e279, -1e279,
        1e308, -1e308,
        .greatestFiniteMagnitude, .infinity, -.infinity, .nan, .leastNormalMagnitude, 1.0000000000000002,
    ]

    /// Charts with little or odd data.
    static let degenerate: [(name: String, series: [LineChart.Series])] = [
        ("no series", []),
        ("no line", [.init(name: "a", lines: [])]),
        ("empty lines", [.init(name: "a", lines: [[], []])]),
        ("one point", [.init(name: "a", line: line(5))]),
        ("one point at zero", [.init(name: "a", line: [.init(x: 0, y: 0)])]),
        ("NaN alone", [.init(name: "a", line: line(.nan, .nan))]),
        ("infinity", [.init(name: "a", lines: [line(3, .infinity, 2), line(3, -.infinity, .nan, 4)])]),
        ("zero and negative", [.init(name: "a", line: line(5, 0, -3, 2, -1))]),
        ("negative alone", [.init(name: "a", line: line(-5, -3, -4))]),
        ("all equal", [.init(name: "a", lines: [line(7, 7, 7), line(7, 7, 7)])]),
        ("nearly equal", [.init(name: "a", line: line(7, 7.000000000000001, 7))]),
        ("same x", [.init(name: "a", lines: [[.init(x: 2, y: 1), .init(x: 2, y: 9)], line(1, 2)])]),
        ("huge", [.init(name: "a", line: line(1e-279, 1, 1e279))]),
        ("too huge", [.init(name: "a", line: line(-1.7e308, 1.7e308))]),
        ("tiny", [.init(name: "a", line: line(.leastNonzeroMagnitude, 1e-305, 3e-300))]),
        ("backwards", [.init(name: "a", lines: [line(1, 2, 3).reversed(), line(3, 1)])]),
        ("NaN as x", [.init(name: "a", line: [.init(x: .nan, y: 1), .init(x: .infinity, y: 2)])]),
    ]
}

/// Numbers that are the same in every run.
struct Random {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    mutating func unit() -> Double {
        Double(next(below: 1 << 30)) / Double(1 << 30)
    }
}
