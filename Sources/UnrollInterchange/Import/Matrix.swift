import UnrollModel

/// A row-major matrix on its way from one layout to another.
struct Matrix: Equatable {
    let rows: Int
    let columns: Int
    let values: [Float]

    /// A matrix of as many values as its sizes say.
    init(rows: Int, columns: Int, values: [Float]) {
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// The matrix of a tensor of two dimensions; nil for any other.
    init?(_ tensor: ModelParameters.Entry) {
        guard tensor.shape.count == 2 else { return nil }
        self.init(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.values)
    }

    /// The same numbers with rows as columns.
    var transposed: Matrix {
        var values = [Float](repeating: 0, count: self.values.count)
        for row in 0..<rows {
            for column in 0..<columns { values[column * rows + row] = self.values[row * columns + column] }
        }
        return Matrix(rows: columns, columns: rows, values: values)
    }

    /// Matrices of equally many columns, one below the other.
    static func stacked(_ matrices: [Matrix]) -> Matrix {
        Matrix(
            rows: matrices.reduce(0) { $0 + $1.rows }, columns: matrices.first?.columns ?? 0,
            values: matrices.flatMap(\.values))
    }

    /// The blocks of `height` rows in another order.
    func reordered(blocks: [Int], height: Int) -> Matrix {
        Matrix(rows: rows, columns: columns, values: values.reordered(blocks: blocks, of: height * columns))
    }

    /// The rows of these numbers, zeros for nil.
    func picking(rows picked: [Int?]) -> Matrix {
        let zeros = [Float](repeating: 0, count: columns)
        return Matrix(
            rows: picked.count, columns: columns,
            values: picked.flatMap { row in
                row.map { Array(values[$0 * columns..<($0 + 1) * columns]) } ?? zeros
            })
    }
}

extension [Float] {
    /// The blocks of equally many values in another order.
    func reordered(blocks: [Int], of size: Int) -> [Float] {
        blocks.flatMap { self[$0 * size..<($0 + 1) * size] }
    }
}
