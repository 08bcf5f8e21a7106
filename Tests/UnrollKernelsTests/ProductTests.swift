import CUnrollKernels
import Testing
import UnrollKernels

/// Products of matrices of any size, against plain loops in double precision.
@Suite struct ProductTests {
    static let sizes = [0, 1, 7, 8, 9, 31, 32, 33, 65]

    /// A product with everything that it reads and writes.
    final class Case {
        let rows: Int
        let inner: Int
        let columns: Int
        let isTransposed: Bool
        /// `[rows][inner]` and `[inner][columns]`.
        let left: [Float]
        let right: [Float]
        let before: [Float]
        let c: GuardedBuffer
        /// Numbers between a row of `a` and the next.
        private let gap: Int
        private let a: GuardedBuffer
        private let b: GuardedBuffer

        /// What lies between and beyond the rows of `a` is not a number, and no column beyond `b`'s is zero.
        init(
            rows: Int, inner: Int, columns: Int, isTransposed: Bool = false, offset: Int = 0, gap: Int = 0,
            left: (_ row: Int, _ k: Int) -> Float? = { _, _ in nil },
            right: (_ k: Int, _ column: Int) -> Float? = { _, _ in nil }
        ) throws {
            (self.rows, self.inner, self.columns) = (rows, inner, columns)
            (self.isTransposed, self.gap) = (isTransposed, gap)
            var noise = Noise(seed: UInt64(rows * 10_000 + inner * 100 + columns))
            var leftRows: [Float] = []
            for row in 0..<rows { leftRows += (0..<inner).map { left(row, $0) ?? noise.next() } }
            var rightRows: [Float] = []
            for k in 0..<inner { rightRows += (0..<columns).map { right(k, $0) ?? noise.next() } }
            (self.left, self.right) = (leftRows, rightRows)
            before = (0..<rows * columns).map { _ in noise.next() }
            c = try GuardedBuffer(before, offset: offset)
            let stored =
                isTransposed
                ? Self.panels(padding: GuardedBuffer.untouched, rows: inner, columns: rows) {
                    leftRows[$1 * inner + $0]
                } : Self.rows(of: leftRows, rows: rows, columns: inner, gap: gap)
            a = try GuardedBuffer(stored, offset: offset)
            let panels = Self.panels(padding: 1e30, rows: inner, columns: columns) {
                rightRows[$0 * columns + $1]
            }
            b = try GuardedBuffer(panels)
        }

        private static func rows(of matrix: [Float], rows: Int, columns: Int, gap: Int) -> [Float] {
            let gap = [Float](repeating: GuardedBuffer.untouched, count: gap)
            return (0..<rows).flatMap { matrix[$0 * columns..<($0 + 1) * columns] + gap }
        }

        private static func panels(
            padding: Float, rows: Int, columns: Int, element: (_ row: Int, _ column: Int) -> Float
        ) -> [Float] {
            var panels: [Float] = []
            for panel in stride(from: 0, to: columns, by: 32) {
                for row in 0..<rows {
                    panels += (panel..<panel + 32).map { $0 < columns ? element(row, $0) : padding }
                }
            }
            return panels
        }

        /// Runs the product for some shares of rows and panels, one after the other.
        func run(
            _ kernels: UnrollKernels, accumulates: Bool, rows: [Range<Int>]? = nil,
            panels: [Range<Int>]? = nil
        ) {
            var product = UnrollMatrixProduct(
                a: a.base, a_stride: inner + gap, a_is_transposed: isTransposed, b: b.base, c: c.base,
                inner: inner, columns: columns, accumulates: accumulates)
            for rows in rows ?? [0..<self.rows] {
                for panels in panels ?? [0..<(columns + 31) / 32] {
                    kernels.multiply(
                        &product, UnrollSpan(begin: rows.lowerBound, end: rows.upperBound),
                        UnrollSpan(begin: panels.lowerBound, end: panels.upperBound))
                }
            }
        }

        func restore() {
            for (index, value) in before.enumerated() { c.base[index] = value }
        }

        /// How many elements are further from the exact product than rounding allows.
        func errors(accumulates: Bool) -> Int {
            var errors = 0
            for row in 0..<rows {
                for column in 0..<columns {
                    let old = accumulates ? Double(before[row * columns + column]) : 0
                    var (exact, magnitude) = (old, abs(old))
                    for k in 0..<inner {
                        let term = Double(left[row * inner + k]) * Double(right[k * columns + column])
                        exact += term
                        magnitude += abs(term)
                    }
                    let error = abs(Double(c.base[row * columns + column]) - exact)
                    // Not the other way round, which what is not a number would pass.
                    if !(error <= summationBound(count: inner + 1, magnitude: magnitude)) { errors += 1 }
                }
            }
            return errors
        }

        var isIntact: Bool { a.isIntact && b.isIntact && c.isIntact }
    }

    /// Checks a product in both layouts of `a`, accumulating or not.
    private func check(level: KernelLevel, rows: Int, inner: Int, columns: Int) throws {
        let kernels = try level.kernels().pointee
        for isTransposed in [false, true] {
            let product = try Case(
                rows: rows, inner: inner, columns: columns, isTransposed: isTransposed,
                offset: (rows + inner + columns) % 4, gap: columns % 3)
            for accumulates in [false, true] {
                product.restore()
                product.run(kernels, accumulates: accumulates)
                #expect(
                    product.errors(accumulates: accumulates) == 0,
                    "\(level) [\(rows), \(inner)] [\(inner), \(columns)] \(isTransposed) \(accumulates)")
                #expect(product.isIntact, "\(level) [\(rows), \(inner)] [\(inner), \(columns)]")
            }
        }
    }

    @Test(arguments: KernelLevel.available(), sizes) func productsAgreeWithPlainLoops(
        level: KernelLevel, rows: Int
    ) throws {
        for inner in Self.sizes {
            for columns in Self.sizes {
                try check(level: level, rows: rows, inner: inner, columns: columns)
            }
        }
    }

    /// The inner sizes of the last ones are of more than one block.
    @Test(
        arguments: KernelLevel.available(),
        [
            (257, 33, 9), (9, 257, 33), (33, 9, 257), (257, 257, 1), (1, 257, 257), (9, 1024, 33),
            (9, 1025, 33), (33, 2100, 7),
        ])
    func largerProductsAgreeWithPlainLoops(
        level: KernelLevel, sizes: (rows: Int, inner: Int, columns: Int)
    ) throws {
        try check(level: level, rows: sizes.rows, inner: sizes.inner, columns: sizes.columns)
    }

    @Test(arguments: KernelLevel.available(), 0..<4) func theBitsDoNotDependOnTheAddress(
        level: KernelLevel, offset: Int
    ) throws {
        for isTransposed in [false, true] {
            let products = try [0, offset].map { offset in
                let product = try Case(
                    rows: 21, inner: 40, columns: 75, isTransposed: isTransposed, offset: offset)
                product.run(try level.kernels().pointee, accumulates: true)
                #expect(product.isIntact, "\(level)")
                return product.c.values
            }
            #expect(products[0] == products[1], "\(level)")
        }
    }

    @Test(arguments: KernelLevel.available(), [40, 1100]) func theBitsDoNotDependOnTheShares(
        level: KernelLevel, inner: Int
    ) throws {
        let kernels = try level.kernels().pointee
        for isTransposed in [false, true] {
            for accumulates in [false, true] {
                let product = try Case(
                    rows: 77, inner: inner, columns: 135, isTransposed: isTransposed, offset: 1)
                product.run(kernels, accumulates: accumulates)
                let whole = product.c.values
                for rows in [[0..<77], [8..<48, 0..<8, 48..<77], [72..<77, 0..<0, 0..<40, 40..<72]] {
                    for panels in [[0..<5], [4..<5, 0..<1, 1..<4], [0..<2, 2..<2, 2..<5]] {
                        product.restore()
                        product.run(kernels, accumulates: accumulates, rows: rows, panels: panels)
                        #expect(
                            product.c.values == whole,
                            "\(level) \(isTransposed) \(accumulates) \(rows) \(panels)")
                    }
                }
                #expect(product.isIntact, "\(level)")
            }
        }
    }

    @Test(arguments: KernelLevel.available()) func onlyTheShareIsWritten(level: KernelLevel) throws {
        let kernels = try level.kernels().pointee
        for isTransposed in [false, true] {
            let product = try Case(
                rows: 45, inner: 20, columns: 100, isTransposed: isTransposed, offset: 3)
            product.run(kernels, accumulates: false)
            let whole = product.c.values
            for rows in [0..<8, 8..<19, 16..<45, 40..<45, 0..<0, 40..<40] {
                for panels in [0..<1, 1..<3, 3..<4, 0..<4, 2..<2] {
                    product.restore()
                    product.run(kernels, accumulates: false, rows: [rows], panels: [panels])
                    let isRight = (0..<45 * 100).allSatisfy { index in
                        let isWanted = rows.contains(index / 100) && panels.contains(index % 100 / 32)
                        return product.c.base[index] == (isWanted ? whole : product.before)[index]
                    }
                    #expect(isRight, "\(level) rows \(rows) panels \(panels)")
                }
            }
            #expect(product.isIntact, "\(level)")
        }
    }

    /// What is not a number, or infinite, shows in its own row or column and in no other.
    @Test(arguments: KernelLevel.available(), [Float.nan, .infinity]) func divergenceStaysInItsRowAndColumn(
        level: KernelLevel, bad: Float
    ) throws {
        let (rows, inner, columns) = (11, 9, 37)
        for isTransposed in [false, true] {
            for place in 0..<rows {
                let badColumn = place * 5 % columns
                let product = try Case(
                    rows: rows, inner: inner, columns: columns, isTransposed: isTransposed, offset: 1,
                    left: { $0 == place && $1 == place % inner ? bad : nil },
                    right: { $0 == 4 && $1 == badColumn ? bad : nil })
                product.run(try level.kernels().pointee, accumulates: false)
                let isRight = (0..<rows * columns).allSatisfy {
                    product.c.base[$0].isFinite != ($0 / columns == place || $0 % columns == badColumn)
                }
                #expect(isRight, "\(level) \(place)")
                #expect(product.isIntact, "\(level)")
            }
        }
    }
}
