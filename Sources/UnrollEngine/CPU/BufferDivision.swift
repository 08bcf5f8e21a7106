import CUnrollKernels
import UnrollKernels

/// Gives out one buffer piece by piece.
struct BufferDivision {
    private let base: UnsafeMutablePointer<Float>
    private var count = 0

    init(of base: UnsafeMutablePointer<Float>) {
        self.base = base
    }

    /// How many floats a division takes, found out by dividing a buffer that nobody reads or writes.
    static func count(_ divide: (inout BufferDivision) -> Void) -> Int {
        var nothing: Float = 0
        return withUnsafeMutablePointer(to: &nothing) { base in
            var division = BufferDivision(of: base)
            divide(&division)
            return division.count
        }
    }

    /// Rows from which on a panel is followed by a gap.
    private static let leastPaddedRows = 8

    /// The next `size` floats, a multiple of 16.
    mutating func take(_ size: Int) -> UnsafeMutablePointer<Float> {
        defer { count += size }
        return base + count
    }

    /// A tensor of panels, `[steps][panels][rows][rowSize]`.
    mutating func takePanels(
        steps: Int, panels: Int, rows: Int, rowSize: Int = PanelLayout.width
    ) -> UnrollPanels {
        // A stride that is no power of two: a tile of rows takes a piece of every panel, and at equal distances of 4 KB
        // all these pieces would compete for the same few lines of the caches.
        let panel = rows * rowSize + (rows >= Self.leastPaddedRows ? PanelLayout.width : 0)
        let step = panels * panel
        return UnrollPanels(base: take(steps * step), time: step, panel: panel, row: rowSize)
    }

    /// A tensor of panels and the words that products read in its place, of `wordUnits` numbers each.
    mutating func takeOperand(steps: Int, panels: Int, rows: Int, wordUnits: Int) -> UnrollOperand {
        let values = takePanels(steps: steps, panels: panels, rows: rows)
        guard wordUnits > 1 else {
            return UnrollOperand(values: values, unit_words: values, row_words: values)
        }
        return UnrollOperand(
            values: values,
            unit_words: takePanels(
                steps: steps, panels: panels, rows: rows, rowSize: PanelLayout.width / wordUnits),
            row_words: takePanels(
                steps: steps, panels: panels, rows: (rows + wordUnits - 1) / wordUnits))
    }
}
