/// How one series of many looks on paper.
///
/// The colours are those of Okabe and Ito, which people with any colour vision tell apart, without the yellow
/// that white paper swallows; their lightness differs, and so do the dashes, for print without colour.
struct SeriesStyle {
    let colour: String
    /// The colour of single runs.
    let light: String
    /// The dash pattern, empty for a solid line.
    let dashes: String

    private static let colours = [
        0x0072B2, 0xD55E00, 0x009E73, 0x000000, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x777777,
    ]
    private static let patterns = [
        "", "7 3", "2 2", "9 2.5 2 2.5", "14 4", "4 2", "9 2.5 2 2.5 2 2.5", "1.5 3.5",
    ]

    init(_ index: Int) {
        let count = Self.colours.count
        let colour = Self.colours[index % count]
        self.colour = Self.hex(colour)
        light = Self.hex(Self.lightened(colour))
        // The ninth series has the first one's colour, but not its dashes.
        dashes = Self.patterns[(index + index / count) % count]
    }

    private static func lightened(_ colour: Int) -> Int {
        [16, 8, 0].reduce(0) { result, shift in
            let part = colour >> shift & 0xFF
            return result << 8 | (part + (255 - part) * 11 / 20)
        }
    }

    private static func hex(_ colour: Int) -> String {
        let digits = String(colour, radix: 16, uppercase: true)
        return "#" + String(repeating: "0", count: 6 - digits.count) + digits
    }
}
