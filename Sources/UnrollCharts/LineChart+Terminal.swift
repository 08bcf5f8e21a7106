extension LineChart {
    /// The chart as lines of text, drawn with the dots of braille characters.
    ///
    /// Of each series there is the median, with its name at the right if there are several and room for it.
    /// The smaller the terminal, the more is left out: names, then axes.
    ///
    /// - Parameters:
    ///   - columns: How wide a line may be.
    ///   - rows: How many lines there may be.
    /// - Returns: No more than `rows` lines, from top to bottom, none wider than `columns`.
    public func terminalLines(columns: Int, rows: Int) -> [String] {
        guard columns > 0, rows > 0 else { return [] }
        return TerminalDrawing(self, columns: min(columns, 1_000), rows: min(rows, 500)).lines()
    }
}
