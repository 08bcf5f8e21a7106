/// How often each of some symbols is expected, in whole numbers, so that both sides compute alike.
package protocol Frequencies {
    /// The sum over all symbols.
    var total: UInt64 { get }

    /// Where a symbol's part of `0..<total` lies; it is never empty.
    func interval(of symbol: Int) -> (start: UInt64, size: UInt64)

    /// The symbol in whose part a point below the total lies.
    func symbol(at point: UInt64) -> (symbol: Int, start: UInt64, size: UInt64)
}

/// One side of arithmetic coding: the encoder is given symbols, the decoder finds them.
///
/// Code that walks through a text with a coder does the same on both sides, so that they cannot drift apart.
package protocol SymbolCoder {
    /// Codes one symbol and returns it; only an encoder asks what it is.
    mutating func code(_ symbol: @autoclosure () -> Int, with frequencies: some Frequencies) -> Int
}

/// Writes symbols as a number between 0 and 1, in an interval that each of them narrows to its share.
///
/// A carry runs back through the bytes that exist already. The interval keeps 56 bits at least, so that totals of 40
/// bits cost next to nothing. Martin, "Range encoding: an algorithm for removing redundancy from a digitized message",
/// 1979.
package struct RangeEncoder: SymbolCoder {
    /// The number's digits so far.
    package private(set) var bytes: [UInt8] = []
    /// The start of the interval, after those digits.
    private var low: UInt64 = 0
    /// The interval's size.
    private var range = UInt64.max

    package init() {}

    package mutating func code(_ symbol: @autoclosure () -> Int, with frequencies: some Frequencies) -> Int {
        let symbol = symbol()
        let (start, size) = frequencies.interval(of: symbol)
        let unit = range / frequencies.total
        add(unit * start)
        range = unit * size
        while range < RangeDecoder.leastRange {
            bytes.append(UInt8(low >> 56))
            low <<= 8
            range <<= 8
        }
        return symbol
    }

    /// All digits of a number in the interval, as few as possible.
    package consuming func finish() -> [UInt8] {
        add(RangeDecoder.leastRange - 1)
        bytes.append(UInt8(low >> 56))
        // A decoder reads zeros after the end.
        while bytes.last == 0 { bytes.removeLast() }
        return bytes
    }

    private mutating func add(_ amount: UInt64) {
        let (sum, carries) = low.addingReportingOverflow(amount)
        low = sum
        guard carries else { return }
        // The number stays below 1, so there is a digit that can grow.
        var index = bytes.count - 1
        while bytes[index] == 0xFF {
            bytes[index] = 0
            index -= 1
        }
        bytes[index] += 1
    }
}

/// Reads the symbols that a `RangeEncoder` has written; damaged bytes give other symbols and nothing worse.
package struct RangeDecoder: SymbolCoder {
    /// Smaller intervals are made 256 times as large, and the number read a byte further.
    static let leastRange: UInt64 = 1 << 56

    private let bytes: ArraySlice<UInt8>
    private var position: Int
    /// The distance of the number from the start of the interval.
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
