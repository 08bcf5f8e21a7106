import Foundation

/// A page about one or several runs, in one file of HTML.
package struct Report: Sendable {
    /// The runs, the best first.
    private let runs: [Run]

    /// Makes a report of runs.
    ///
    /// A name that is a path is shortened to its last part if no other run's ends in the same one.
    package init(_ runs: [Run]) {
        let names = runs.map { URL(fileURLWithPath: $0.name).lastPathComponent }
        self.runs = Run.ranked(
            zip(runs, names).map { run, name in
                var run = run
                if names.count(where: { $0 == name }) == 1 { run.name = name }
                return run
            })
    }

    /// The page; the same runs give the same bytes.
    package var html: String { page.html }

    private var page: Page {
        Page(kind: "report", title: runs.count == 1 ? runs[0].name : "\(runs.count) runs", content: content)
    }

    private var content: HTML {
        guard runs.count > 1 else { return HTML(runs.map { RunSection(run: $0).html }) }
        let sections = runs.enumerated().map { index, run -> HTML in
            """
            <section id="run-\(index + 1)">
            <h2>\(run.name)</h2>
            \(RunSection(run: run).html)</section>

            """
        }
        return "\(ComparisonSection(runs: runs).html)\(sections)"
    }

    /// Saves the page in place of an earlier one.
    ///
    /// - Throws: `ReportError.exists` if there is a file that is not a report, or `FileError`.
    package func write(to url: URL) throws {
        try page.write(to: url)
    }
}

/// The part of a page that compares several runs.
struct ComparisonSection {
    /// The runs, the best first.
    let runs: [Run]

    var html: HTML {
        """
        \(results)\(caution)<div class="charts">
        \(RunCharts.comparison(of: runs, by: .epoch))\(RunCharts.comparison(of: runs, by: .seconds))</div>
        \(differences)
        """
    }

    private var results: HTML {
        let rows = runs.enumerated().map { index, run -> HTML in
            let kind = run.isValidated || run.best == nil ? "" : " (training)"
            return """
                <tr><th scope="row"><a href="#run-\(index + 1)">\(run.name)</a></th><td class="model">\(run.modelSummary)</td>\
                <td class="number">\(Figure.grouped(run.parameterCount))</td>\
                <td class="number">\(Figure.decimal(run.best?.perplexity))\(kind)</td>\
                <td class="number">\(Figure.decimal(run.best?.bitsPerToken))</td>\
                <td class="number">\(run.best.map { Figure.grouped($0.epoch) } ?? Figure.none)</td>\
                <td class="number">\(Figure.decimal(run.final?.perplexity))</td>\
                <td class="number">\(Figure.decimal(run.savedMetrics.last?.perplexity))</td>\
                <td class="number">\(Figure.grouped(run.completedEpochs))</td>\
                <td class="number">\(Figure.duration(run.seconds))</td>\
                <td class="number">\(Figure.grouped(run.tokensPerSecond))</td></tr>

                """
        }
        let heads = [
            "parameters", "best perplexity", "bits/token", "at epoch", "final", "training", "epochs", "time",
            "tokens/s",
        ].map { head -> HTML in "<th class=\"number\">\(head)</th>" }
        return """
            <div class="wide"><table>
            <thead><tr><th>run</th><th>model</th>\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    /// Whether a setting decides which tokens a perplexity is about.
    private static func decidesText(_ name: String) -> Bool {
        name.hasPrefix("corpus.")
            || ["trainingWindows", "validationWindows", "validationFraction", "testFraction"].contains(name)
    }

    private var caution: HTML {
        let settings = runs.map { run in run.training.filter { Self.decidesText($0.name) } }
        guard settings.contains(where: { $0 != settings[0] }) else { return "" }
        return """
            <ul class="notes"><li>The runs differ in their text, in how it is read or in what is held out of it: \
            their perplexities do not compare.</li></ul>

            """
    }

    private var differences: HTML {
        var names: [String] = []
        for name in runs.flatMap({ $0.model + $0.training }).map(\.name) where !names.contains(name) {
            names.append(name)
        }
        let rows = names.compactMap { name -> HTML? in
            let values = runs.map { $0.setting(name) ?? Figure.none }
            guard Set(values).count > 1 else { return nil }
            let cells = values.map { value -> HTML in "<td>\(value)</td>" }
            return "<tr><th scope=\"row\">\(name)</th>\(cells)</tr>\n"
        }
        guard !rows.isEmpty else { return "<p>The runs have the same configuration.</p>\n" }
        let heads = runs.map { run -> HTML in "<th>\(run.name)</th>" }
        return """
            <h3>What differs in the configuration</h3>
            <div class="wide"><table class="settings">
            <thead><tr><th>setting</th>\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }
}
