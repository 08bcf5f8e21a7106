/// What a page says of one run.
struct RunSection {
    let run: Run

    var html: HTML {
        """
        \(facts)\(notes)\(charts)\(samples)\(configuration)\(environment)
        """
    }

    // MARK: Results

    private var facts: HTML {
        let kind = run.isValidated ? "validation" : "training"
        var facts: [(String, String)] = [
            ("model", run.modelSummary), ("text", run.setting(Setting.sourceName) ?? Figure.none),
            ("vocabulary", vocabulary), ("parameters", Figure.grouped(run.parameterCount)),
            ("epochs", epochs),
            ("best \(kind) perplexity", best),
            ("best bits per \(run.tokenName)", Figure.decimal(run.best?.bitsPerToken)),
            ("final \(kind) perplexity", Figure.decimal(run.final?.perplexity)),
        ]
        if run.isValidated {
            facts.append(("final training perplexity", Figure.decimal(run.metrics.last?.perplexity)))
        }
        facts += [
            ("training time", Figure.duration(run.seconds)),
            ("speed", "\(Figure.grouped(run.tokensPerSecond)) tokens/s"),
        ]
        let items = facts.map { name, value -> HTML in "<div><dt>\(name)</dt><dd>\(value)</dd></div>\n" }
        return "<dl class=\"facts\">\n\(items)</dl>\n"
    }

    private var vocabulary: String {
        run.vocabularySize.map { "\(Figure.grouped($0)) \(run.tokenName)s" } ?? Figure.none
    }

    private var epochs: String {
        guard let planned = run.plannedEpochs, planned != run.completedEpochs else {
            return Figure.grouped(run.completedEpochs)
        }
        return "\(Figure.grouped(run.completedEpochs)) of \(Figure.grouped(planned))"
    }

    private var best: String {
        guard let best = run.best else { return Figure.none }
        return "\(Figure.decimal(best.perplexity)) at epoch \(Figure.grouped(best.epoch))"
    }

    private var notes: HTML {
        var notes = run.notes
        if run.metrics.isEmpty {
            notes.append("No epoch is done yet: there are no curves.")
        } else if let planned = run.plannedEpochs, run.completedEpochs < planned {
            notes.append("The run has not done all of its epochs; this is how far it has come.")
        }
        guard !notes.isEmpty else { return "" }
        let items = notes.map { note -> HTML in "<li>\(note)</li>\n" }
        return "<ul class=\"notes\">\n\(items)</ul>\n"
    }

    private var charts: HTML {
        let charts = RunCharts.charts(of: run)
        return charts.isEmpty ? "" : "<div class=\"charts\">\n\(charts)</div>\n"
    }

    // MARK: Samples

    private var samples: HTML {
        guard !run.samples.isEmpty else { return "" }
        let rows = run.samples.map { sample -> HTML in
            let line = run.metrics.first { $0.epoch == sample.epoch }
            let perplexity = run.isValidated ? line?.validationPerplexity : line?.perplexity
            return """
                <tr><td class="number">\(Figure.grouped(sample.epoch))</td>\
                <td class="number">\(Figure.decimal(perplexity))</td>\
                <td class="sample"><b>\(sample.prompt)</b>\(sample.text)</td></tr>

                """
        }
        return """
            <h3>Samples</h3>
            <p>How the model goes on from a prompt, always with the most probable \(run.tokenName).</p>
            <div class="wide"><table>
            <thead><tr><th class="number">epoch</th><th class="number">perplexity</th><th>text</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    // MARK: Conditions

    private var configuration: HTML {
        let tables = [("Model", run.model), ("Training", run.training)].filter { !$0.1.isEmpty }
        guard !tables.isEmpty else { return "" }
        let parts = tables.map { title, settings in
            Self.table(title, settings.map { ($0.name, $0.value) })
        }
        return "<h3>Configuration</h3>\n<div class=\"pair\">\n\(parts)</div>\n"
    }

    private var environment: HTML {
        guard let first = run.sessions.first else { return "" }
        var rows = [("began", first.started)]
        let resumptions = run.sessions.dropFirst().map(\.started)
        if !resumptions.isEmpty { rows.append(("resumed", resumptions.joined(separator: ", "))) }
        rows += [
            ("processor", different(\.processor)),
            ("logical processors", different { "\($0.logicalProcessors)" }),
            ("threads", different { "\($0.threads)" }), ("engine", different(\.engine)),
            ("operating system", different(\.operatingSystem)), ("Unroll", different(\.unroll)),
            ("Swift", different(\.swift)),
        ]
        return "<h3>Environment</h3>\n\(Self.table(nil, rows))"
    }

    /// What the sessions say, each different answer once.
    private func different(_ fact: (SessionEnvironment) -> String) -> String {
        var answers: [String] = []
        for answer in run.sessions.map(fact) where !answers.contains(answer) { answers.append(answer) }
        return answers.joined(separator: ", then ")
    }

    private static func table(_ title: String?, _ rows: [(String, String)]) -> HTML {
        let caption = title.map { title -> HTML in "<caption>\(title)</caption>" } ?? ""
        let rows = rows.map { name, value -> HTML in
            "<tr><th scope=\"row\">\(name)</th><td>\(value)</td></tr>\n"
        }
        return "<table class=\"settings\">\(caption)\n\(rows)</table>\n"
    }
}
