/// How one series of many looks on paper.
///
/// The colors are those of Okabe and Ito, which people with any color vision tell apart, without the yellow
/// that white paper swallows; their lightness differs, and so do the dashes, for print without color.
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
