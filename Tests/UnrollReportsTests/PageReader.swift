import Foundation

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// A page as a program reads it.
final class PageReader: NSObject, XMLParserDelegate {
    private(set) var isWellFormed = false
    private(set) var elements: [String] = []
    /// The text of each cell of a table.
    private(set) var cells: [String] = []
    /// All that is to be read, styles left out.
    private(set) var text = ""
    private var cell: String?
    private var isStyle = false

    init(_ html: String) {
        super.init()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = self
        isWellFormed = parser.parse()
    }

    /// The text of the cell to the right of another.
    func cell(after name: String) -> String? {
        cells.firstIndex(of: name).flatMap { $0 + 1 < cells.count ? cells[$0 + 1] : nil }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append(name)
        isStyle = name == "style"
        if ["td", "th", "dt", "dd"].contains(name) { cell = "" }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        cell?.append(string)
        if !isStyle { text += string }
    }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
        guard ["td", "th", "dt", "dd"].contains(name), let cell else { return }
        cells.append(cell)
        self.cell = nil
    }
}
