/// The text of a picture, element by element.
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

    /// A line of text; further attributes say how it looks.
    mutating func add(text content: String, x: Double, y: Double, _ attributes: String = "") {
        let space = attributes.isEmpty ? "" : " "
        let place = "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\""
        add("<text \(place)\(space)\(attributes)>\(Self.escaped(content))</text>")
    }

    /// Ends the document.
    func finished() -> String {
        text + "</svg>\n"
    }

    /// A number with two decimals at most.
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

    /// Text as XML has it: without characters that it forbids.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}": result += " "
            case "\u{FFFE}", "\u{FFFF}": break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
