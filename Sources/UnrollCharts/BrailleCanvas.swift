/// A picture of dots.
///
/// Each character has eight, two across and four down.
package struct BrailleCanvas: Sendable {
    package let columns: Int
    package let rows: Int
    private var cells: [UInt8]

    package init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        cells = [UInt8](repeating: 0, count: columns * rows)
    }

    private var lastX: Int { columns * 2 - 1 }
    private var lastY: Int { rows * 4 - 1 }

    /// The row of characters at a height from 0 to 1.
    func row(_ height: Double) -> Int {
        dot(Spot(x: 0, y: height)).y / 4
    }

    /// Sets a dot, counted from the upper left, unless it is outside the picture.
    package mutating func set(x: Int, y: Int) {
        guard 0...lastX ~= x, 0...lastY ~= y else { return }
        let bits: [UInt8] = [0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80]
        cells[y / 4 * columns + x / 2] |= bits[x % 2 * 4 + y % 4]
    }

    /// Connects spots with straight lines.
    mutating func draw(_ part: [Spot]) {
        guard let first = part.first else { return }
        var last = dot(first)
        set(x: last.x, y: last.y)
        for spot in part.dropFirst() {
            let next = dot(spot)
            if next != last { draw(from: last, to: next) }
            last = next
        }
    }

    /// Draws every fourth dot of a horizontal line.
    mutating func drawLevel(_ height: Double) {
        let y = dot(Spot(x: 0, y: height)).y
        for x in stride(from: 0, through: lastX, by: 4) { set(x: x, y: y) }
    }

    /// Draws four dots around a spot.
    mutating func drawMarker(_ spot: Spot) {
        let (x, y) = dot(spot)
        for (across, down) in [(-1, 0), (1, 0), (0, -1), (0, 1)] { set(x: x + across, y: y + down) }
    }

    /// A row of characters, with spaces where no dot is set.
    package func text(row: Int) -> String {
        var text = ""
        for cell in cells[row * columns..<(row + 1) * columns] {
            text.unicodeScalars.append(cell == 0 ? " " : Unicode.Scalar(0x2800 + UInt32(cell)) ?? " ")
        }
        return text
    }

    private func dot(_ spot: Spot) -> (x: Int, y: Int) {
        let (x, y) = (min(max(spot.x, 0), 1), min(max(spot.y, 0), 1))
        return (Int((x * Double(lastX)).rounded()), Int(((1 - y) * Double(lastY)).rounded()))
    }

    /// Sets the dot nearest to the line in every column, or in every row if the line is steep.
    private mutating func draw(from: (x: Int, y: Int), to: (x: Int, y: Int)) {
        let (width, height) = (to.x - from.x, to.y - from.y)
        let steps = max(abs(width), abs(height))
        for step in 0...steps {
            let share = Double(step) / Double(max(1, steps))
            set(
                x: from.x + Int((Double(width) * share).rounded()),
                y: from.y + Int((Double(height) * share).rounded()))
        }
    }
}
