/// The names below a chart, each beside a sample of how it is drawn.
struct SVGLegend {
    /// The drawing beside a name.
    enum Sample {
        case series(SeriesStyle)
        case run
        case level(Int)
        case marker(Int)
        case cross
        case blank
    }

    struct Entry {
        let sample: Sample
        let label: String
    }

    static let rowHeight = 18.0
    private static let size = 12.0
    private static let sampleWidth = 30.0
    private static let gap = 18.0

    /// The entries row by row.
    private(set) var rows: [[(x: Double, entry: Entry)]] = []

    var height: Double { rows.isEmpty ? 0 : Double(rows.count) * Self.rowHeight + 6 }

    /// Sets entries in columns if that takes no more rows than running text.
    ///
    /// - Parameters:
    ///   - entries: All entries.
    ///   - width: The width of a row.
    ///   - maximumRows: The greatest number of rows; where entries are missing, the last one says how many.
    init(_ entries: [Entry], width: Double, maximumRows: Int) {
        func room(_ entry: Entry) -> Double {
            Self.sampleWidth + 6 + TextWidth.pixels(entry.label, size: Self.size)
        }
        let entries = entries.map { entry in
            Entry(
                sample: entry.sample,
                label: TextWidth.shortened(entry.label, pixels: width - Self.sampleWidth - 6, size: Self.size)
            )
        }
        let widest = (entries.map(room).max() ?? 0) + Self.gap
        let columns = max(1, Int((width + Self.gap) / widest))
        var flowing: [[(x: Double, entry: Entry)]] = []
        var next = 0.0
        for entry in entries {
            if flowing.isEmpty || next + room(entry) > width {
                flowing.append([])
                next = 0
            }
            flowing[flowing.count - 1].append((next, entry))
            next += room(entry) + Self.gap
        }
        if (entries.count + columns - 1) / columns <= flowing.count {
            rows = stride(from: 0, to: entries.count, by: columns).map { start in
                entries[start..<min(start + columns, entries.count)].enumerated()
                    .map { (Double($0) * widest, $1) }
            }
        } else {
            rows = flowing
        }
        if rows.count > maximumRows {
            rows.removeLast(rows.count - max(0, maximumRows - 1))
            let missing = entries.count - rows.joined().count
            if maximumRows > 0 { rows.append([(0, Entry(sample: .blank, label: "… and \(missing) more"))]) }
        }
    }

    func draw(in document: inout SVGDocument, left: Double, top: Double) {
        for (index, row) in rows.enumerated() {
            let middle = top + (Double(index) + 0.5) * Self.rowHeight
            for (x, entry) in row {
                SVGMarks.draw(entry.sample, x: left + x, y: middle, width: Self.sampleWidth, in: &document)
                document.add(text: entry.label, x: left + x + Self.sampleWidth + 6, y: middle + 4)
            }
        }
    }
}

/// The strokes and markers that charts and their legends share.
enum SVGMarks {
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

/// The color and dashes of one series of many.
///
/// The colors are those of Okabe and Ito, which people with any color vision tell apart, without the yellow that
/// white paper swallows. Their lightness and dashes differ, too, for print without color.
struct SeriesStyle {
    let color: String
    /// The color of single runs.
    let light: String
    /// The dash pattern, empty for a solid line.
    let dashes: String

    private static let colors = [
        0x0072B2, 0xD55E00, 0x009E73, 0x000000, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x777777,
    ]
    private static let patterns = [
        "", "7 3", "2 2", "9 2.5 2 2.5", "14 4", "4 2", "9 2.5 2 2.5 2 2.5", "1.5 3.5",
    ]

    init(_ index: Int) {
        let count = Self.colors.count
        let color = Self.colors[index % count]
        self.color = Self.hex(color)
        light = Self.hex(Self.lightened(color))
        // The ninth series has the first one's color, but not its dashes.
        dashes = Self.patterns[(index + index / count) % count]
    }

    private static func lightened(_ color: Int) -> Int {
        [16, 8, 0].reduce(0) { result, shift in
            let part = color >> shift & 0xFF
            return result << 8 | (part + (255 - part) * 11 / 20)
        }
    }

    private static func hex(_ color: Int) -> String {
        let digits = String(color, radix: 16, uppercase: true)
        return "#" + String(repeating: "0", count: 6 - digits.count) + digits
    }
}
