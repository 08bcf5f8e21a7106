import Foundation
import UnrollCharts

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// A picture as a program reads it, with the places of all that it draws.
final class SVGReader: NSObject, XMLParserDelegate {
    private(set) var viewBox: [Double] = []
    private(set) var texts: [String] = []
    private(set) var places: [(x: Double, y: Double)] = []
    /// The data of all paths with a stroke of this width.
    private(set) var paths: [(data: String, width: String)] = []
    /// The least room that each text takes, apart from the one that is turned.
    private(set) var boxes: [Box] = []
    private(set) var crosses = 0
    private(set) var circles = 0
    private(set) var elements: [String] = []
    private(set) var isWellFormed = false
    private(set) var isReadable = true
    private var isText = false
    private var anchor: (x: Double, y: Double, size: Double, side: String)?

    init(_ text: String) {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        isWellFormed = parser.parse()
    }

    /// The corners of a text.
    struct Box {
        let left, right, top, bottom: Double

        func overlaps(_ other: Box) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }
    }

    /// Whether two texts are on top of each other.
    func hasOverlaps() -> Bool {
        boxes.indices.contains { one in boxes[..<one].contains { $0.overlaps(boxes[one]) } }
    }

    func isInside() -> Bool {
        guard viewBox.count == 4, isReadable else { return false }
        guard boxes.allSatisfy({ $0.left >= 0 && $0.right <= viewBox[2] && $0.bottom <= viewBox[3] }) else {
            return false
        }
        return places.allSatisfy { 0...viewBox[2] ~= $0.x && 0...viewBox[3] ~= $0.y }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append(name)
        let number = { (key: String) in attributes[key].flatMap(Double.init) }
        switch name {
        case "svg": viewBox = attributes["viewBox"]?.split(separator: " ").compactMap { Double($0) } ?? []
        case "text", "title", "desc":
            texts.append("")
            isText = true
            if let x = number("x"), let y = number("y") {
                places.append((x, y))
                anchor = (x, y, number("font-size") ?? 12, attributes["text-anchor"] ?? "start")
            }
            if attributes["transform"] != nil { anchor = nil }
        case "circle":
            circles += 1
            if let x = number("cx"), let y = number("cy") {
                places.append((x, y))
            } else {
                isReadable = false
            }
        case "path":
            let data = attributes["d"] ?? ""
            paths.append((data, attributes["stroke-width"] ?? ""))
            if data.hasSuffix("l7 7m0-7l-7 7") { crosses += 1 }
            follow(data)
        default: break
        }
    }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
        isText = false
        guard let (x, y, size, side) = anchor, let text = texts.last else { return }
        anchor = nil
        let width = Double(text.count) * size / 2
        let left = side == "end" ? x - width : side == "middle" ? x - width / 2 : x
        boxes.append(Box(left: left, right: left + width, top: y - size * 0.7, bottom: y))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if isText { texts[texts.count - 1] += string }
    }

    /// The numbers of a path's data, which need no space before a sign.
    static func numbers(_ data: Substring) -> [Double]? {
        let words = data.split(separator: "-", omittingEmptySubsequences: false).joined(separator: " -")
            .split(separator: " ")
        let numbers = words.compactMap { Double($0) }
        return numbers.count == words.count ? numbers : nil
    }

    private func follow(_ data: String) {
        var (x, y) = (0.0, 0.0)
        var rest = data[...]
        while let command = rest.popFirst() {
            let end = rest.firstIndex(where: \.isLetter) ?? rest.endIndex
            guard let numbers = Self.numbers(rest[..<end]) else {
                isReadable = false
                return
            }
            rest = rest[end...]
            switch command {
            case "M" where numbers.count == 2: (x, y) = (numbers[0], numbers[1])
            case "h" where numbers.count == 1: x += numbers[0]
            case "v" where numbers.count == 1: y += numbers[0]
            case "l" where numbers.count.isMultiple(of: 2), "m" where numbers.count == 2:
                for index in stride(from: 0, to: numbers.count, by: 2) {
                    x += numbers[index]
                    y += numbers[index + 1]
                    places.append((x, y))
                }
            case "z" where numbers.isEmpty: break
            default: isReadable = false
            }
            places.append((x, y))
        }
    }
}
