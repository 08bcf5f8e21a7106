/// Reads the symbols that a `RangeEncoder` has written; damaged bytes give other symbols, and nothing worse.
package struct RangeDecoder: SymbolCoder {
    /// Smaller intervals are made 256 times as large, and the number read a byte further.
    static let leastRange: UInt64 = 1 << 56

    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// How far behind the interval's beginning the number lies.
    private var offset: UInt64 = 0
    private var range = UInt64.max

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
        for _ in 0..<8 { offset = offset << 8 | nextByte() }
    }

    package mutating func code(_: @autoclosure () -> Int, with frequencies: some Frequencies) -> Int {
        let unit = range / frequencies.total
        let (symbol, start, size) = frequencies.symbol(at: min(offset / unit, frequencies.total - 1))
        offset -= unit * start
        range = unit * size
        while range < Self.leastRange {
            offset = offset << 8 | nextByte()
            range <<= 8
        }
        return symbol
    }

    private mutating func nextByte() -> UInt64 {
        guard position < bytes.endIndex else { return 0 }
        defer { position += 1 }
        return UInt64(bytes[position])
    }
}
