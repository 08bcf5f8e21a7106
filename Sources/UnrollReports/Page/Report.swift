import Foundation

/// A page about one or several runs: one file of HTML that needs nothing else.
package struct Report: Sendable {
    /// The best first.
    private let runs: [Run]

    /// Makes a report of runs, whose names may be paths of which the last part is enough if it is the run's alone.
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
    /// - Throws: `ReportError` if there is a file that is no report, or it cannot be written.
    package func write(to url: URL) throws {
        try page.write(to: url)
    }
}
