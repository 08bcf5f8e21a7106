import UnrollBase

/// The text of an SVG document, element by element.
struct SVGDocument {
    private(set) var text: String

    init(width: Int, height: Int, title: String, description: String) {
        text = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" role="img" font-family="sans-serif" font-size="12" fill="#222">
            <title>\(Self.escaped(title))</title>
            <desc>\(Self.escaped(description))</desc>
            <rect width="\(width)" height="\(height)" fill="#FFF"/>

            """
    }

    mutating func add(_ element: String) {
        text += element + "\n"
    }

    /// Adds a line of text with further attributes.
    mutating func add(text content: String, x: Double, y: Double, _ attributes: String = "") {
        let space = attributes.isEmpty ? "" : " "
        let place = "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
        add("<text \(place)\(space)\(attributes)>\(Self.escaped(content))</text>")
    }

    /// Ends the document.
    func finished() -> String {
        text + "</svg>\n"
    }

    /// A number with at most two decimals.
    static func number(_ value: Double) -> String {
        number(hundredths: hundredths(value))
    }

    static func hundredths(_ value: Double) -> Int {
        Int((min(max(value.isNaN ? 0 : value, -1e9), 1e9) * 100).rounded())
    }

    static func number(hundredths value: Int) -> String {
        let (whole, part) = value.magnitude.quotientAndRemainder(dividingBy: 100)
        let sign = value < 0 ? "-" : ""
        guard part > 0 else { return "\(sign)\(whole)" }
        let decimals = part.isMultiple(of: 10) ? "\(part / 10)" : part < 10 ? "0\(part)" : "\(part)"
        return "\(sign)\(whole == 0 ? "" : "\(whole)").\(decimals)"
    }

    /// Text for XML, in which control characters and ends of lines are spaces.
    static func escaped(_ text: String) -> String {
        Markup.escaped(text) { 0x202A...0x2069 ~= $0.value ? $0 : " " }
    }
}

/// A curve in pixels as the data of a path, in relative coordinates, which are half as long as absolute ones.
struct SVGPath {
    /// The data of all parts with more than a point; empty if there are none.
    private(set) var data = ""
    /// The parts that are a single point, which a path would not show.
    private(set) var dots: [(x: Double, y: Double)] = []

    /// - Parameters:
    ///   - parts: The connected spots, from 0 to 1 on both axes.
    ///   - plot: The rectangle of the chart on the page.
    init(_ parts: [[Spot]], in plot: PlotArea) {
        for part in parts {
            let points = Self.thinned(part.map { (plot.x($0), plot.y($0)) })
            guard let first = points.first else { continue }
            var last = (x: SVGDocument.hundredths(first.x), y: SVGDocument.hundredths(first.y))
            let start = "M" + Self.pair(last.x, last.y)
            var steps = ""
            for point in points.dropFirst() {
                let next = (x: SVGDocument.hundredths(point.x), y: SVGDocument.hundredths(point.y))
                guard next != last else { continue }
                let step = Self.pair(next.x - last.x, next.y - last.y)
                steps += (steps.isEmpty ? "l" : step.hasPrefix("-") ? "" : " ") + step
                last = next
            }
            if steps.isEmpty { dots.append(first) } else { data += start + steps }
        }
    }

    private static func pair(_ x: Int, _ y: Int) -> String {
        let second = SVGDocument.number(hundredths: y)
        return SVGDocument.number(hundredths: x) + (second.hasPrefix("-") ? "" : " ") + second
    }

    /// The lowest and the highest of the points in each pixel column, so that no spike is lost.
    private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > 2 else { return points }
        var result = [points[0]]
        var start = 1
        while start < points.count - 1 {
            let column = points[start].x.rounded(.down)
            var (end, low, high) = (start, start, start)
            while end < points.count - 1, points[end].x.rounded(.down) == column {
                if points[end].y < points[low].y { low = end }
                if points[end].y > points[high].y { high = end }
                end += 1
            }
            result.append(points[min(low, high)])
            if low != high { result.append(points[max(low, high)]) }
            start = end
        }
        result.append(points[points.count - 1])
        return result
    }
}
