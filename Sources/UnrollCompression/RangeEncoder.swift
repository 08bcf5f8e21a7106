/// Writes symbols as a number between 0 and 1, in an interval that each of them narrows to its share.
///
/// A carry runs back through the bytes that are there already. The interval keeps 56 bits at least, so that totals of 40
/// bits cost next to nothing. Martin, "Range encoding: an algorithm for removing redundancy from a digitized message",
/// 1979.
package struct RangeEncoder: SymbolCoder {
    /// The number's digits so far.
    package private(set) var bytes: [UInt8] = []
    /// Where the interval begins, behind those digits.
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

    /// All digits of a number in the interval, as few as there can be.
    package consuming func finish() -> [UInt8] {
        add(RangeDecoder.leastRange - 1)
        bytes.append(UInt8(low >> 56))
        // A decoder reads zeros behind the end.
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
