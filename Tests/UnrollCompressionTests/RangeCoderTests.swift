import Foundation
import Testing
import UnrollBase
import UnrollCompression
import UnrollGeneration
import UnrollModel
import UnrollText

/// Whether any symbols come back, and at what length, whatever their frequencies.
@Suite struct RangeCoderTests {
    /// Frequencies as they are given.
    private struct Table: Frequencies {
        let counts: [UInt64]

        var total: UInt64 { counts.reduce(0, +) }

        func interval(of symbol: Int) -> (start: UInt64, size: UInt64) {
            (counts[..<symbol].reduce(0, +), counts[symbol])
        }

        func symbol(at point: UInt64) -> (symbol: Int, start: UInt64, size: UInt64) {
            var (symbol, start) = (0, UInt64(0))
            while start + counts[symbol] <= point {
                start += counts[symbol]
                symbol += 1
            }
            return (symbol, start, counts[symbol])
        }
    }

    private static let tables = [
        Table(counts: [1, 1]), Table(counts: [1, 1 << 40, 1]), Table(counts: [(1 << 40) + 1, 1, 1 << 39]),
        Table(counts: (1...300).map { UInt64($0) }), Table(counts: [7]),
        Table(counts: [1, 1 << 30, 3, 1 << 31]),
    ]

    /// Symbols of table after table, probable ones as often as they should be, or all alike.
    private func symbols(count: Int, seed: UInt64, alike: Bool) -> [(table: Table, symbol: Int)] {
        var source = RandomSource(seed: seed, purpose: .generation)
        return (0..<count).map { index in
            let table = Self.tables[index % Self.tables.count]
            let point = UInt64(source.uniform() * Double(table.total))
            return (
                table,
                alike
                    ? source.integer(below: table.counts.count)
                    : table.symbol(at: min(point, table.total - 1)).symbol
            )
        }
    }

    @Test(arguments: 0..<40, [false, true])
    func whatWasEncodedIsDecoded(seed: Int, alike: Bool) {
        let symbols = symbols(count: seed * seed, seed: UInt64(seed), alike: alike)
        var encoder = RangeEncoder()
        for (table, symbol) in symbols { _ = encoder.code(symbol, with: table) }
        let bytes = encoder.finish()
        var decoder = RangeDecoder(bytes[...])
        #expect(symbols.allSatisfy { table, symbol in decoder.code(-1, with: table) == symbol })
        // The information in the symbols, and the rest of a byte.
        let bits = symbols.reduce(0.0) { sum, next in
            sum - log2(Double(next.table.counts[next.symbol]) / Double(next.table.total))
        }
        #expect(Double(8 * bytes.count) <= bits * 1.000_1 + 16)
    }

    /// The last symbols of all tables bring the number as near to the end of its interval as can be.
    @Test func carriesRunThroughAllBytes() {
        for lastSymbol in 0..<2 {
            let (wide, even) = (Table(counts: [1, 1 << 40, 1]), Table(counts: [1, 1]))
            for length in 0..<60 {
                let symbols = [(even, 0)] + Array(repeating: (wide, 2), count: length) + [(even, lastSymbol)]
                var encoder = RangeEncoder()
                for (table, symbol) in symbols { _ = encoder.code(symbol, with: table) }
                var decoder = RangeDecoder(encoder.finish()[...])
                #expect(symbols.allSatisfy { table, symbol in decoder.code(-1, with: table) == symbol })
            }
        }
    }

    @Test func anyBytesAreDecodedToSomething() {
        var source = RandomSource(seed: 5, purpose: .generation)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in
                [0, 0xFF, UInt8(source.integer(below: 256))][source.integer(below: 3)]
            }
            var decoder = RangeDecoder(bytes[...])
            for index in 0..<300 {
                let table = Self.tables[index % Self.tables.count]
                #expect(table.counts.indices.contains(decoder.code(-1, with: table)))
            }
        }
    }
}
