import UnrollCharts

extension LineChart {
    /// What the book calls its animator: perplexity by epoch, each seed a thin line and their median bold.
    ///
    /// Where text is held out, its perplexity is shown: beside that of the training text for a single setting, in its
    /// place for several.
    public init(_ result: RecipeResult, of recipe: Recipe) {
        var series: [Series] = []
        for (setting, isHeldOut) in zip(result.settings, recipe.settings.map(\.isHeldOut)) {
            let isAlone = recipe.settings.count == 1
            if !isHeldOut || isAlone {
                series.append(
                    Series(
                        name: isAlone ? "training" : setting.name,
                        lines: setting.runs.map { Self.line($0.perplexity, of: $0) }))
            }
            if isHeldOut {
                series.append(
                    Series(
                        name: isAlone ? "held out" : "\(setting.name), held out",
                        lines: setting.runs.map { Self.line($0.validationPerplexity, of: $0) }))
            }
        }
        let curve = recipe.reported.curve ?? []
        let marks =
            curve.isEmpty
            ? []
            : [Mark.points(curve.map { Point(x: Double($0.epoch), y: $0.perplexity) }, label: "reported")]
        let seeds = recipe.seeds.count
        self.init(
            title: recipe.title, subtitle: seeds > 1 ? "\(seeds) seeds, and their median" : nil,
            xAxis: Axis("epoch"), yAxis: Axis("perplexity", scale: .logarithmic), series: series, marks: marks
        )
    }

    /// Perplexities of one epoch after the other, and one that is none where training diverged, which is marked.
    private static func line(_ perplexities: [Double], of run: RunResult) -> [Point] {
        let ended = run.divergedInEpoch == nil ? perplexities : perplexities + [.nan]
        return ended.enumerated().map { Point(x: Double($0 + 1), y: $1) }
    }
}
