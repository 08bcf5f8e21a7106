import UnrollCharts

extension LineChart {
    /// What the book calls its animator: perplexity by epoch, each seed a thin line and their median bold.
    ///
    /// Where text is held out, its perplexity is shown: beside that of the training text for a single setting, in its
    /// place for several.
    package init(_ result: RecipeResult, of recipe: Recipe) {
        var series: [Series] = []
        let isAlone = recipe.settings.count == 1
        let allAreHeldOut = !isAlone && recipe.settings.allSatisfy(\.isHeldOut)
        for (setting, isHeldOut) in zip(result.settings, recipe.settings.map(\.isHeldOut)) {
            if !isHeldOut || isAlone {
                series.append(
                    Series(
                        name: isAlone ? "training" : setting.name,
                        lines: setting.runs.map { Self.line($0.perplexity, of: $0) }))
            }
            if isHeldOut {
                series.append(
                    Series(
                        name: isAlone ? "held out" : setting.name + (allAreHeldOut ? "" : ", held out"),
                        lines: setting.runs.map { Self.line($0.validationPerplexity, of: $0) }))
            }
        }
        let curve = (recipe.reported.curve ?? []).map { Point(x: Double($0.epoch), y: $0.perplexity) }
        let seeds = recipe.seeds.count
        self.init(
            title: recipe.title, subtitle: seeds > 1 ? "\(seeds) seeds, and their median" : nil,
            xAxis: Axis("epoch"),
            yAxis: Axis(
                allAreHeldOut ? "perplexity of the held-out text" : "perplexity", scale: .logarithmic,
                limits: Self.limits(of: series)),
            series: series, marks: curve.isEmpty ? [] : [.points(curve, label: "reported")])
    }

    /// Limits where a network has left what others reach; nil where all fit in.
    ///
    /// A network that has learned anything is below its first perplexity, so what is far above leaves the chart.
    private static func limits(of series: [Series]) -> ClosedRange<Double>? {
        let lines = series.flatMap(\.lines)
        let values = lines.joined().map(\.y).filter(\.isFinite)
        let first = lines.compactMap(\.first?.y).filter(\.isFinite)
        guard let least = values.min(), let greatest = values.max(), let start = first.min() else {
            return nil
        }
        let ceiling = 4 * start
        guard greatest > 10 * ceiling, let top = values.filter({ $0 <= ceiling }).max() else { return nil }
        return 0.95 * least...1.05 * top
    }

    /// Perplexities of one epoch after the other, and one that is none where training diverged, which is marked.
    private static func line(_ perplexities: [Double], of run: RunResult) -> [Point] {
        let ended = run.divergedInEpoch == nil ? perplexities : perplexities + [.nan]
        return ended.enumerated().map { Point(x: Double($0 + 1), y: $1) }
    }
}
