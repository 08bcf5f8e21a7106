/// The names below a chart, each beside a sample of how it is drawn.
struct SVGLegend {
    /// What stands beside a name.
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

    /// Sets entries in columns if that takes no more rows than one after the other.
    ///
    /// - Parameters:
    ///   - entries: All that is to be named.
    ///   - width: The room for a row.
    ///   - maximumRows: How many rows there may be; the last one says how many entries are missing.
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
                SVGSample.draw(entry.sample, x: left + x, y: middle, width: Self.sampleWidth, in: &document)
                document.add(text: entry.label, x: left + x + Self.sampleWidth + 6, y: middle + 4)
            }
        }
    }
}
