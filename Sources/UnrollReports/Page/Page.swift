import Foundation
import UnrollBase
import UnrollModel

/// A page that is one file of HTML and needs nothing else.
struct Page {
    /// What it is, in a word; pages of one kind replace each other.
    let kind: String
    let title: String
    /// How it looks, beyond what all pages have in common.
    var style = ""
    /// What it does, if anything.
    var script = ""
    let content: HTML

    /// What every page of this kind begins with, by which it is known as one.
    private var opening: String { "<!DOCTYPE html>\n<!-- unroll \(kind) -->\n" }

    /// The whole page.
    var html: String {
        let page: HTML = """
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
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
        // For readers of XML, to which a comparison would begin an element.
        return "<script>\n//<![CDATA[\n\(HTML(markup: script))//]]>\n</script>\n"
    }

    /// Saves the page in place of an earlier one of its kind.
    ///
    /// - Throws: `ReportError` if there is another file, or it cannot be written.
    func write(to url: URL) throws {
        if FileManager.default.fileExists(atPath: url.path) {
            let beginning = try? FileHandle(forReadingFrom: url).read(upToCount: opening.utf8.count)
            guard beginning == Data(opening.utf8) else {
                throw ReportError.exists(path: url.relativePath, kind: kind)
            }
        }
        try AtomicFile.write(Data(html.utf8), to: url)
    }
}
