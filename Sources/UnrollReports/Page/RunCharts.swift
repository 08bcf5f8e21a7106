import UnrollCharts

/// The charts of runs.
enum RunCharts {
    private static let width = 480
    private static let height = 300

    /// The quantity on the horizontal axis.
    enum Abscissa: String {
        case epoch
        case seconds = "seconds of training"

        fileprivate func value(of line: EpochMetrics) -> Double? {
            switch self {
            case .epoch: line.epochs
            case .seconds: line.seconds
            }
        }
    }

    /// All charts of one run.
    static func charts(of run: Run) -> [HTML] {
        guard !run.metrics.isEmpty else { return [] }
        var series = [LineChart.Series(name: "training", line: line(of: run, \.perplexity))]
        if run.isValidated {
            series.append(.init(name: "validation", line: line(of: run, \.validationPerplexity)))
        }
        var charts = [figure("Perplexity", axis: "perplexity", .logarithmic, series)]
        charts.append(
            single("Gradient", axis: "norm before clipping", .logarithmic, line(of: run, \.gradientNorm)))
        // A constant rate is a setting, not a curve.
        if Set(run.metrics.compactMap(\.learningRate)).count > 1 {
            charts.append(
                single("Learning rate", axis: "learning rate", .linear, line(of: run, \.learningRate)))
            charts.append(single("Speed", axis: "tokens/s", .linear, line(of: run, \.tokensPerSecond)))
        }
        return charts
    }

    /// One chart of the perplexities of all runs.
    static func comparison(of runs: [Run], by abscissa: Abscissa) -> HTML {
        let areMixed = Set(runs.map(\.isValidated)).count > 1
        let series = runs.map { run in
            LineChart.Series(
                name: areMixed && !run.isValidated ? "\(run.name) (training)" : run.name,
                line: run.isValidated
                    ? line(of: run, by: abscissa, \.validationPerplexity)
                    : line(of: run, by: abscissa, \.perplexity))
        }
        let held = runs.contains(where: \.isValidated) ? "Validation perplexity" : "Training perplexity"
        return figure(
            abscissa == .epoch ? "\(held) by epoch" : "\(held) by time", by: abscissa, axis: "perplexity",
            .logarithmic, series)
    }

    private static func line(
        of run: Run, by abscissa: Abscissa = .epoch, _ ordinate: (EpochMetrics) -> Double?
    ) -> [LineChart.Point] {
        run.metrics.compactMap { metrics in
            guard let x = abscissa.value(of: metrics), let y = ordinate(metrics) else { return nil }
            return LineChart.Point(x: x, y: y)
        }
    }

    private static func single(
        _ caption: String, axis: String, _ scale: LineChart.Scale, _ line: [LineChart.Point]
    ) -> HTML {
        // The caption names the curve.
        figure(caption, axis: axis, scale, [LineChart.Series(name: "", line: line)])
    }

    private static func figure(
        _ caption: String, by abscissa: Abscissa = .epoch, axis: String, _ scale: LineChart.Scale,
        _ series: [LineChart.Series]
    ) -> HTML {
        let chart = LineChart(
            title: "", xAxis: .init(abscissa.rawValue), yAxis: .init(axis, scale: scale), series: series)
        let svg = HTML(markup: chart.svg(width: width, height: height))
        return "<figure><figcaption>\(caption)</figcaption>\n\(svg)</figure>\n"
    }
}
