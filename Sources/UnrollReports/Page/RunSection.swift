/// The part of a page about one run.
struct RunSection {
    let run: Run

    var html: HTML {
        """
        \(facts)\(notes)\(charts)\(samples)\(conditions)
        """
    }

    // MARK: Results

    private var facts: HTML {
        let kind = run.isValidated ? "validation" : "training"
        var facts: [(String, String)] = [
            ("model", run.modelSummary), ("text", run.textNames),
            ("vocabulary", vocabulary), ("parameters", Figure.grouped(run.parameterCount)),
            ("epochs", epochs), ("saved model", run.saved.last.map { "\($0)" } ?? Figure.none),
            ("best \(kind) perplexity", best),
            ("best bits per \(run.tokenName)", Figure.decimal(run.best?.bitsPerToken)),
            ("final \(kind) perplexity", Figure.decimal(run.final?.perplexity)),
        ]
        if run.isValidated {
            facts.append(("best model", bestModel))
            facts.append(("final training perplexity", Figure.decimal(run.savedMetrics.last?.perplexity)))
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
            + (run.isValidated && !run.isBestSaved ? " (its model is not saved)" : "")
    }

    private var bestModel: String {
        guard let best = run.saved.best else { return "none saved" }
        return "\(best.name)" + (best.moment.map { ": \($0)" } ?? "")
    }

    private var notes: HTML {
        var notes = run.notes
        if run.metrics.isEmpty {
            notes.append("No epoch is done yet: there are no curves.")
        } else if let planned = run.plannedEpochs, run.completedEpochs < planned {
            notes.append(
                "The run has not done all of its epochs: it goes on, was interrupted or has stopped early.")
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
            let line = run.metrics.first { $0.epochs == Double(sample.epoch) }
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

    private var conditions: HTML {
        """
        <div class="pair">
        <div>\(Self.table("Model", run.model.map { ($0.name, $0.value) }))\(environment)</div>
        <div>\(Self.table("Training", run.training.map { ($0.name, $0.value) }))</div>
        </div>

        """
    }

    private var environment: HTML {
        guard let first = run.sessions.first else { return "" }
        var rows = [("began", Self.time(first))]
        let resumptions = run.sessions.dropFirst().map(Self.time)
        if !resumptions.isEmpty { rows.append(("resumed", resumptions.joined(separator: ", "))) }
        rows += [
            ("processor", different(\.processor)),
            ("logical processors", different { "\($0.logicalProcessors)" }),
            ("threads", different { "\($0.threads)" }), ("engine", different(\.engine)),
            ("operating system", different(\.operatingSystem)), ("Unroll", different(\.unroll)),
            ("Swift", different(\.swift)),
        ]
        return Self.table("Environment", rows)
    }

    /// The time at which a session started.
    private static func time(_ session: SessionEnvironment) -> String {
        session.started.replacing("T", with: " ").replacing("Z", with: " UTC")
    }

    /// A fact of the sessions, each different value once.
    private func different(_ fact: (SessionEnvironment) -> String) -> String {
        var answers: [String] = []
        for answer in run.sessions.map(fact) where !answers.contains(answer) { answers.append(answer) }
        return answers.joined(separator: ", then ")
    }

    private static func table(_ title: String, _ rows: [(String, String)]) -> HTML {
        guard !rows.isEmpty else { return "" }
        let rows = rows.map { name, value -> HTML in
            "<tr><th scope=\"row\">\(name)</th><td>\(value)</td></tr>\n"
        }
        return "<h3>\(title)</h3>\n<table class=\"settings\">\n\(rows)</table>\n"
    }
}
