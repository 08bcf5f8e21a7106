import CUnrollKernels
import Testing
import UnrollKernels

/// Blocks of rows that are copied or transposed, of any size, at any address and any distance.
@Suite struct BlockTests {
    static let sizes = [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 70]

    /// A block whose rows are `stride` apart, the last one without anything behind it.
    private static func count(_ rows: Int, _ columns: Int, stride: Int) -> Int {
        rows == 0 || columns == 0 ? 0 : (rows - 1) * stride + columns
    }

    /// Runs one kernel and checks every number that it wrote, or should not have written.
    private func check(
        level: KernelLevel, isTransposed: Bool, rows: Int, columns: Int, gaps: (from: Int, to: Int),
        offsets: (from: Int, to: Int)
    ) throws {
        let kernels = try level.kernels().pointee
        let (toRows, toColumns) = isTransposed ? (columns, rows) : (rows, columns)
        let (fromStride, toStride) = (columns + gaps.from, toColumns + gaps.to)
        let from = try GuardedBuffer(
            (0..<Self.count(rows, columns, stride: fromStride)).map { Float($0) }, offset: offsets.from)
        let to = try GuardedBuffer(
            untouched: Self.count(toRows, toColumns, stride: toStride), offset: offsets.to)
        let kernel = isTransposed ? kernels.transpose : kernels.copy
        kernel?(from.base, fromStride, to.base, toStride, rows, columns)
        let isRight = (0..<to.count).allSatisfy { index in
            let (row, column) = (index / toStride, index % toStride)
            if column >= toColumns { return to.isUntouched(index) }
            let source = isTransposed ? column * fromStride + row : row * fromStride + column
            return to.base[index] == Float(source)
        }
        #expect(isRight, "\(level) \(rows) x \(columns) \(gaps) \(offsets)")
        #expect((0..<from.count).allSatisfy { from.base[$0] == Float($0) }, "\(level)")
        #expect(from.isIntact && to.isIntact, "\(level) \(rows) x \(columns) \(gaps) \(offsets)")
    }

    @Test(arguments: KernelLevel.available(), [false, true]) func blocksOfAnySize(
        level: KernelLevel, isTransposed: Bool
    ) throws {
        for rows in Self.sizes {
            for columns in Self.sizes {
                try check(
                    level: level, isTransposed: isTransposed, rows: rows, columns: columns,
                    gaps: (rows % 3, columns % 2), offsets: (columns % 4, rows % 4))
            }
        }
    }

    @Test(arguments: KernelLevel.available(), [false, true]) func blocksAtAnyAddressAndDistance(
        level: KernelLevel, isTransposed: Bool
    ) throws {
        for (rows, columns) in [(16, 16), (32, 32), (19, 37)] {
            for offsets in (0..<16).map({ ($0 % 4, $0 / 4) }) {
                for gaps in [(0, 0), (1, 0), (0, 1), (13, 6), (32, 16)] {
                    try check(
                        level: level, isTransposed: isTransposed, rows: rows, columns: columns, gaps: gaps,
                        offsets: offsets)
                }
            }
        }
    }
}
