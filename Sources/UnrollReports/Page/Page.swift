import Foundation
import UnrollBase
import UnrollModel

/// A page in one file of HTML without references to others.
struct Page {
    /// The kind of page, such as "report".
    ///
    /// A page may replace one of its kind.
    let kind: String
    let title: String
    /// Style beyond that of all pages.
    var style = ""
    /// A script; empty for none.
    var script = ""
    let content: HTML

    /// The beginning of every page of this kind, which identifies it.
    private var opening: String { "\(FileSignature.page)\(kind) -->\n" }

    /// The whole page.
    var html: String {
        let page: HTML = """
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="generator" content="Unroll"/>
            <title>\(title) · Unroll</title>
            <style>
            \(HTML(markup: PageStyle.css + style))</style>
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            \(content)</main>
            \(scriptElement)</body>
            </html>

            """
        return opening + page.markup
    }

    private var scriptElement: HTML {
        guard !script.isEmpty else { return "" }
        // For XML parsers, to which a comparison would begin an element.
        return "<script>\n//<![CDATA[\n\(HTML(markup: script))//]]>\n</script>\n"
    }

    /// Saves the page in place of an earlier one of its kind, or writes it to a pipe or a device.
    ///
    /// - Throws: `ReportError.exists` if there is another file, or `FileError`.
    func write(to url: URL) throws {
        if let status = FileStatus(of: url.path), status.kind != .other {
            let beginning = try? FileHandle(forReadingFrom: url).read(upToCount: opening.utf8.count)
            guard beginning == Data(opening.utf8) else {
                throw ReportError.exists(path: url.relativePath, kind: kind)
            }
        }
        try AtomicFile.write(Data(html.utf8), to: url)
    }
}

/// The style of all pages on wide and narrow screens, light and dark, and on paper.
enum PageStyle {
    static let css = """
        :root { color-scheme: light dark; --paper: #fff; --ink: #1c1e21; --quiet: #5f6670; --line: #dfe2e6;
          --panel: #f6f7f9; --accent: #0067a3; --note: #fff6de; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #15171a; --ink: #e4e6e9; --quiet: #9aa1ab; --line: #33373d; --panel: #1e2125;
            --accent: #6cb8ea; --note: #33290f; }
          figure svg { filter: invert(.9) hue-rotate(180deg); }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
        main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
        h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1.5rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.5rem; margin: 3.5rem 0 1rem; padding-top: 1.5rem; border-top: 1px solid var(--line);
          overflow-wrap: anywhere; }
        h3 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; }
        p { margin: .25rem 0 .75rem; color: var(--quiet); }
        a { color: var(--accent); }

        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr)); gap: 1px;
          margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
        .facts div { padding: .6rem .9rem; box-shadow: 0 0 0 1px var(--line); }
        .facts dt { color: var(--quiet); font-size: .8rem; }
        .facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        .notes { margin: 1rem 0 0; padding: .6rem .9rem .6rem 2rem; background: var(--note); border-radius: 8px;
          overflow-wrap: anywhere; }

        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
          gap: 1rem 1.5rem; margin-top: 1.75rem; }
        figure { margin: 0; min-width: 0; }
        figcaption { font-weight: 600; margin-bottom: .25rem; }
        figure svg { display: block; width: 100%; max-width: 40rem; height: auto; }
        figure svg rect[fill="#FFF"] { fill: none; }

        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-size: .9rem; width: 100%; }
        th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0;
          border-bottom: 1px solid var(--line); }
        thead th { color: var(--quiet); font-weight: 600; font-size: .8rem; vertical-align: bottom; }
        th[scope=row] { font-weight: 500; }
        .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
        .model { white-space: nowrap; }
        .sample { width: 100%; min-width: 11rem; white-space: pre-wrap; overflow-wrap: anywhere;
          font: .85rem/1.5 ui-monospace, monospace; unicode-bidi: isolate; }
        .sample b { color: var(--accent); font-weight: 600; }
        .settings th[scope=row] { color: var(--quiet); white-space: nowrap; }
        .settings td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
          gap: 1rem 3rem; align-items: start; }

        @media (max-width: 34rem) {
          main { padding: 1.25rem 1rem 3rem; }
          .facts { grid-template-columns: 1fr 1fr; }
        }
        @media print {
          html { font-size: 11px; }
          main { max-width: none; padding: 0; }
          .charts { grid-template-columns: 1fr 1fr; }
          figure, tr, .facts div { break-inside: avoid; }
          h2, h3 { break-after: avoid; }
          .wide { overflow: visible; }
        }

        """
}
