/// How often each of some symbols is expected, in whole numbers, so that both sides reckon alike.
package protocol Frequencies {
    /// The sum over all symbols.
    var total: UInt64 { get }

    /// Where a symbol's part of `0..<total` lies; it is never empty.
    func interval(of symbol: Int) -> (start: UInt64, size: UInt64)

    /// The symbol in whose part a point below the total lies.
    func symbol(at point: UInt64) -> (symbol: Int, start: UInt64, size: UInt64)
}

/// One side of arithmetic coding: the encoder is told symbols, the decoder finds them.
///
/// Whatever walks through a text with a coder does the same on both sides, so that they cannot drift apart.
package protocol SymbolCoder {
    /// Codes one symbol and returns it; only an encoder asks what it is.
    mutating func code(_ symbol: @autoclosure () -> Int, with frequencies: some Frequencies) -> Int
}
