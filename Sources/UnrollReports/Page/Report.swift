import Foundation
import UnrollStorage

/// A page about one or several runs: one file of HTML that needs nothing else.
package struct Report: Sendable {
    /// The best first.
    private let runs: [Run]

    /// What every report begins with, by which it is known as one.
    private static let opening = "<!DOCTYPE html>\n<!-- unroll report -->\n"

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
    package var html: String {
        let title = runs.count == 1 ? runs[0].name : "\(runs.count) runs"
        let page: HTML = """
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title) · Unroll</title>
            <style>
            \(HTML(markup: PageStyle.css))</style>
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            \(content)</main>
            </body>
            </html>

            """
        return Self.opening + page.markup
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
    package func write(to url: URL) throws(ReportError) {
        if FileManager.default.fileExists(atPath: url.path) {
            let beginning = try? FileHandle(forReadingFrom: url).read(upToCount: Self.opening.utf8.count)
            guard beginning == Data(Self.opening.utf8) else { throw .exists(path: url.relativePath) }
        }
        do {
            try AtomicFile.write(Data(html.utf8), to: url)
        } catch {
            throw .storage(error)
        }
    }
}
