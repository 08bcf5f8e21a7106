/// The strokes and markers that charts and their legends share.
enum SVGSample {
    static func draw(
        _ sample: SVGLegend.Sample, x: Double, y: Double, width: Double, in document: inout SVGDocument
    ) {
        let line = "M\(SVGDocument.number(x)) \(SVGDocument.number(y))h\(SVGDocument.number(width))"
        switch sample {
        case .series(let style): document.add("<path d=\"\(line)\" \(median(style))/>")
        case .run: document.add("<path d=\"\(line)\" \(run("#999"))/>")
        case .level(let index): document.add("<path d=\"\(line)\" \(level(index))/>")
        case .marker(let index): document.add(marker(index, x: x + width / 2, y: y))
        case .blank: break
        case .cross: document.add(cross(x: x + width / 2, y: y, color: "#222"))
        }
    }

    static func median(_ style: SeriesStyle) -> String {
        let dashes = style.dashes.isEmpty ? "" : " stroke-dasharray=\"\(style.dashes)\""
        return
            "fill=\"none\" stroke=\"\(style.color)\" stroke-width=\"2\" stroke-linejoin=\"round\"\(dashes)"
    }

    static func run(_ color: String) -> String {
        "fill=\"none\" stroke=\"\(color)\" stroke-width=\".75\" stroke-linejoin=\"round\""
    }

    static func level(_ index: Int) -> String {
        let dashes = ["5 4", "10 4", "2 4"][index % 3]
        return "fill=\"none\" stroke=\"#444\" stroke-width=\"1\" stroke-dasharray=\"\(dashes)\""
    }

    static func dot(x: Double, y: Double, radius: Double, color: String) -> String {
        "<circle cx=\"\(SVGDocument.number(x))\" cy=\"\(SVGDocument.number(y))\" "
            + "r=\"\(SVGDocument.number(radius))\" fill=\"\(color)\"/>"
    }

    static func cross(x: Double, y: Double, color: String) -> String {
        let corner = "M\(SVGDocument.number(x - 3.5)) \(SVGDocument.number(y - 3.5))"
        return "<path d=\"\(corner)l7 7m0-7l-7 7\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.5\"/>"
    }

    /// A hollow circle, square, diamond or triangle.
    static func marker(_ index: Int, x: Double, y: Double) -> String {
        let look = "fill=\"#FFF\" fill-opacity=\".7\" stroke=\"#222\" stroke-width=\"1.5\""
        let (left, top) = (SVGDocument.number(x), SVGDocument.number(y - 5))
        return switch index % 4 {
        case 0: "<circle cx=\"\(left)\" cy=\"\(SVGDocument.number(y))\" r=\"4\" \(look)/>"
        case 1:
            "<rect x=\"\(SVGDocument.number(x - 3.5))\" y=\"\(SVGDocument.number(y - 3.5))\" "
                + "width=\"7\" height=\"7\" \(look)/>"
        case 2: "<path d=\"M\(left) \(top)l5 5-5 5-5-5z\" \(look)/>"
        default: "<path d=\"M\(left) \(top)l4.5 8.5h-9z\" \(look)/>"
        }
    }
}
