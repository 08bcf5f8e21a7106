/// A matrix in the device's memory: an element is at row times `rowStride` plus column times `columnStride`.
struct Matrix {
    var address: DeviceAddress
    var rows: Int
    var columns: Int
    private(set) var rowStride: Int
    private(set) var columnStride = 1
    /// Whether its columns lie together, and not its rows.
    private(set) var isTransposed = false
    /// Where the same numbers are as factors of tensor cores, if they are.
    var factors: DeviceAddress?

    /// A matrix whose rows lie together, one after the other.
    init(_ address: DeviceAddress, rows: Int, columns: Int) {
        self.address = address
        self.rows = rows
        self.columns = columns
        rowStride = columns
    }

    /// How many rows lie one after the other, and how many numbers are in each.
    var stored: (rows: Int, columns: Int) { isTransposed ? (columns, rows) : (rows, columns) }

    /// The same memory with rows as columns.
    var transposed: Matrix {
        var matrix = self
        (matrix.rows, matrix.columns) = (columns, rows)
        (matrix.rowStride, matrix.columnStride) = (columnStride, rowStride)
        matrix.isTransposed.toggle()
        return matrix
    }
}

extension StepProgram {
    /// Enqueues `result = a b + bias`; with `inParts`, long sums are divided among blocks.
    func product(
        _ a: Matrix, _ b: Matrix, plus bias: DeviceAddress? = nil, into result: DeviceAddress,
        inParts: Bool = false
    ) throws(CUDAError) {
        if try factorProduct(a, b, plus: bias, into: result, inParts: inParts) { return }
        let (m, n) = (a.rows, b.columns)
        let parts = ProductParts(m: m, n: n, k: a.columns)
        guard inParts, parts.count > 1 else {
            return try queue.product(
                a, b, plus: bias, into: result, by: kernels.product, startsEarly: kernels.startEarly)
        }
        try queue.product(
            a, b, plus: bias, into: at(memory.parts), by: kernels.product, in: parts,
            startsEarly: kernels.startEarly)
        try addParts(parts.count, m * n, into: result)
    }
}

extension DeviceQueue {
    /// Enqueues `result = a b + bias` by the kernel `product`, or parts of the sums one after the other.
    func product(
        _ a: Matrix, _ b: Matrix, plus bias: DeviceAddress?, into result: DeviceAddress, by kernel: Kernel,
        in parts: ProductParts? = nil, startsEarly: Bool = false
    ) throws(CUDAError) {
        let (m, n, k) = (a.rows, b.columns, a.columns)
        try launch(
            kernel,
            Launch(
                grid: ((n + 63) / 64, (m + 63) / 64, parts?.count ?? 1), threads: 128,
                arguments: [
                    .int(m), .int(n), .int(k), .address(a.address), .int(a.rowStride), .int(a.columnStride),
                    .address(b.address), .int(b.rowStride), .int(b.columnStride),
                    bias.map { .address($0) } ?? .null, .address(result),
                    .int(parts?.depth ?? (k + 15) / 16 * 16),
                ], startsEarly: startsEarly))
    }
}
