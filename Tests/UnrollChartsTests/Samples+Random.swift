import UnrollCharts

extension Samples {
    /// A chart of anything.
    static func random(_ random: inout Random) -> LineChart {
        let scales: [LineChart.Scale] = [.linear, .logarithmic]
        let names = [
            "", "a", "training", "模型 😀 é", "e\u{301}\u{301}", "\u{1B}[2J\t\n",
            String(repeating: "long ", count: 30),
        ]
        func number(_ random: inout Random) -> Double {
            random.next(below: 4) == 0
                ? extremes[random.next(below: extremes.count)] : (random.unit() - 0.2) * 30
        }
        func points(_ random: inout Random) -> [LineChart.Point] {
            (0..<random.next(below: 30)).map { index in
                .init(x: random.next(below: 8) == 0 ? number(&random) : Double(index), y: number(&random))
            }
        }
        func axis(_ random: inout Random) -> LineChart.Axis {
            let (one, other) = (number(&random), number(&random))
            let limits =
                random.next(below: 3) == 0 && !one.isNaN && !other.isNaN
                ? min(one, other)...max(one, other) : nil
            return .init(
                names[random.next(below: names.count)], scale: scales[random.next(below: 2)], limits: limits)
        }
        let series = (0..<random.next(below: 12)).map { _ in
            LineChart.Series(
                name: names[random.next(below: names.count)],
                lines: (0..<random.next(below: 4)).map { _ in points(&random) })
        }
        let marks = (0..<random.next(below: 3)).map { _ in
            random.next(below: 2) == 0
                ? LineChart.Mark.level(number(&random), label: names[random.next(below: names.count)])
                : .points(points(&random), label: names[random.next(below: names.count)])
        }
        return LineChart(
            title: names[random.next(below: names.count)], subtitle: names[random.next(below: names.count)],
            xAxis: axis(&random), yAxis: axis(&random), series: series, marks: marks)
    }
}
