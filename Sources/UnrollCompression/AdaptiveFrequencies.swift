/// Frequencies that are learned from the symbols that have come.
struct AdaptiveFrequencies: Frequencies {
    private var counts: [UInt16]
    private(set) var total: UInt64
    /// What a symbol that comes adds to its count, where one that never came counts 1.
    private static let increment: UInt16 = 48
    /// Beyond this all counts are halved, so that what came lately counts more.
    private static let maximumTotal: UInt64 = 1 << 13

    /// Expects all symbols alike, or one of them more than the others.
    init(symbolCount: Int, expecting symbol: Int? = nil) {
        counts = [UInt16](repeating: 1, count: symbolCount)
        if let symbol { counts[symbol] += 8 * Self.increment }
        total = counts.reduce(0) { $0 + UInt64($1) }
    }

    func interval(of symbol: Int) -> (start: UInt64, size: UInt64) {
        (counts[..<symbol].reduce(0) { $0 + UInt64($1) }, UInt64(counts[symbol]))
    }

    func symbol(at point: UInt64) -> (symbol: Int, start: UInt64, size: UInt64) {
        var (symbol, start) = (0, UInt64(0))
        while start + UInt64(counts[symbol]) <= point {
            start += UInt64(counts[symbol])
            symbol += 1
        }
        return (symbol, start, UInt64(counts[symbol]))
    }

    /// Codes a symbol and learns from it.
    mutating func code(_ symbol: @autoclosure () -> Int, with coder: inout some SymbolCoder) -> Int {
        let symbol = coder.code(symbol(), with: self)
        counts[symbol] += Self.increment
        total += UInt64(Self.increment)
        if total > Self.maximumTotal {
            for index in counts.indices { counts[index] = (counts[index] + 1) / 2 }
            total = counts.reduce(0) { $0 + UInt64($1) }
        }
        return symbol
    }
}
