import CUnrollKernels
import UnrollKernels

/// The product of two matrices.
///
/// The first one may have further axes in front, `[T, B, H]` times `[H, V]` being `[T, B, V]`.
///
/// - Parameters:
///   - a: `[..., M, K]`, or `[K, M]` if it is to be transposed.
///   - b: `[K, N]`, or `[N, K]` if it is to be transposed.
///   - transposingA: Whether to use `a`'s transpose.
///   - transposingB: Whether to use `b`'s transpose.
/// - Returns: `[..., M, N]`.
/// - Throws: `TensorError` when one is not a matrix, or the inner sizes are not equal.
public func matmul(
    _ a: Tensor, _ b: Tensor, transposingA: Bool = false, transposingB: Bool = false
) throws(TensorError) -> Tensor {
    guard a.shape.count == 2 || (a.shape.count > 2 && !transposingA) else {
        throw .unsuitableShape(
            operation: "matmul", shape: a.shape,
            needed: "a matrix as first operand, or untransposed a stack of them,")
    }
    guard b.shape.count == 2 else {
        throw .unsuitableShape(operation: "matmul", shape: b.shape, needed: "a matrix as second operand")
    }
    let left = Matrix(a.detached(), isTransposed: transposingA)
    let right = Matrix(b.detached(), isTransposed: transposingB)
    guard left.columns == right.rows else {
        throw .shapeMismatch(
            operation: "matmul", a.shape, b.shape,
            hint: "the inner sizes \(left.columns) and \(right.rows) must be equal"
                + (transposingA || transposingB ? " after transposing" : ""))
    }
    let shape = transposingA ? [left.rows, right.columns] : a.shape.dropLast() + [right.columns]
    let result = try Tensor(shape: shape) { Matrix.multiply(left, right, into: $0, accumulating: false) }
    return result.recorded(
        from: (
            a,
            { gradient, sum in
                let gradient = Matrix(gradient)
                sum.addProduct(
                    transposingA ? right : gradient, transposingA ? gradient.transposed : right.transposed)
            }
        ),
        (
            b,
            { gradient, sum in
                let gradient = Matrix(gradient)
                sum.addProduct(
                    transposingB ? gradient.transposed : left.transposed, transposingB ? left : gradient)
            }
        ))
}

/// A tensor seen as a matrix: its last axis are the columns, all others the rows, or the other way round.
private struct Matrix: Sendable {
    let storage: TensorStorage
    /// As it lies in memory.
    private let storedRows: Int
    private let storedColumns: Int
    private let isTransposed: Bool

    var rows: Int { isTransposed ? storedColumns : storedRows }
    var columns: Int { isTransposed ? storedRows : storedColumns }

    var transposed: Matrix {
        Matrix(storage: storage, rows: storedRows, columns: storedColumns, isTransposed: !isTransposed)
    }

    init(_ tensor: Tensor, isTransposed: Bool = false) {
        let shape = tensor.shape
        self.init(
            storage: tensor.storage, rows: shape.dropLast().reduce(1, *), columns: shape.last ?? 1,
            isTransposed: isTransposed)
    }

    private init(storage: TensorStorage, rows: Int, columns: Int, isTransposed: Bool) {
        self.storage = storage
        storedRows = rows
        storedColumns = columns
        self.isTransposed = isTransposed
    }

    /// `result` becomes `a b`, or has it added.
    static func multiply(
        _ a: Matrix, _ b: Matrix, into result: UnsafeMutablePointer<Float>, accumulating: Bool
    ) {
        guard a.rows > 0, b.columns > 0 else { return }
        let right = b.storage.keptPanels(
            .init(rows: b.rows, columns: b.columns, isTransposed: b.isTransposed))
        let left =
            a.isTransposed
            ? a.storage.madePanels(.init(rows: a.columns, columns: a.rows, isTransposed: false)) : a.storage
        let product = UnrollMatrixProduct(
            a: left.base, a_stride: a.columns, a_is_transposed: a.isTransposed, b: right.base, c: result,
            inner: b.rows, columns: b.columns, accumulates: accumulating)
        let kernels = TensorRuntime.shared.kernels
        let (rows, panels) = (a.rows, PanelLayout.panels(of: b.columns))
        let operations = 2 * rows * panels * PanelLayout.width * max(1, b.rows)
        // Shares of columns keep each thread's part of the right operand in its own cache.
        let byPanels =
            TensorRuntime.shared.balance(panels) >= min(0.85, TensorRuntime.shared.balance((rows + 7) / 8))
        TensorRuntime.shared.share(
            byPanels ? panels : rows, granularity: byPanels ? 1 : 8, operations: operations
        ) { part in
            let part = UnrollSpan(begin: part.lowerBound, end: part.upperBound)
            withUnsafePointer(to: product) { product in
                kernels.multiply(
                    product, byPanels ? UnrollSpan(begin: 0, end: rows) : part,
                    byPanels ? part : UnrollSpan(begin: 0, end: panels))
            }
        }
        // The panels must outlive the kernels that read them.
        withExtendedLifetime((left, right)) {}
    }
}

extension Adjoint {
    fileprivate mutating func addProduct(_ a: Matrix, _ b: Matrix) {
        write { elements, isFresh in Matrix.multiply(a, b, into: elements, accumulating: !isFresh) }
    }
}
