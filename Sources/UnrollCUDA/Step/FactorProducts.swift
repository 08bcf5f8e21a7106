import UnrollKernels

/// The kernels of large matrix products in bfloat16, whose factors are rounded once in memory instead of each time that a
/// tile of the product reads them.
struct FactorProducts: Sendable {
    /// Rounds a matrix.
    let round: Kernel
    /// Of matrices as they are, of a second that is transposed, and of a first that is.
    private let plain, plainTransposed, transposed: Kernel
    /// How many bytes a product must save on the way from the second-level cache.
    private let leastSaving: Int
    // Kernels live as long as their module.
    private let module: any KernelModule

    /// Rows and columns of a tile.
    static let tileSize = 128
    /// Threads of a block.
    static let threads = 256
    /// Bytes of shared memory of a block: three stages of 64 summands.
    static let sharedMemory = 3 * 2 * (2 * tileSize) * 64
    /// Bytes that take as long as the launches of rounding: 3 microseconds of an H200, by an estimate.
    private static let usualLeastSaving = 16 << 20

    /// Compiles the kernels.
    ///
    /// - Parameters:
    ///   - isAlways: Whether small products are computed by them, too.
    ///   - device: The device.
    /// - Throws: `CUDAError`.
    init(always isAlways: Bool, on device: any Device) throws(CUDAError) {
        module = try device.load(.factorProducts)
        round = try module.kernel("round_factors")
        plain = try module.kernel("product_mk_kn")
        plainTransposed = try module.kernel("product_mk_nk")
        transposed = try module.kernel("product_km_kn")
        leastSaving = isAlways ? .min : Self.usualLeastSaving
    }

    /// Whether a device can run the kernels.
    static func canRun(on device: DeviceProperties) -> Bool { sharedMemory <= device.sharedMemory }

    /// The kernel of a product; nil if there is none for where its matrices lie.
    func kernel(_ a: Matrix, _ b: Matrix) -> Kernel? {
        switch (a.isTransposed, b.isTransposed) {
        case (false, false): plain
        case (false, true): plainTransposed
        case (true, false): transposed
        case (true, true): nil
        }
    }

    /// Whether a product is so large that its factors are worth rounding.
    ///
    /// Tiles of 64 rows and columns read all float32 numbers of theirs, and tiles of 128 half as often factors of half the
    /// size, which must be read, written and read again before.
    func areWorthwhile(m: Int, n: Int, k: Int) -> Bool {
        func tiles(_ size: Int) -> Int { ((m + size - 1) / size) * ((n + size - 1) / size) }
        let before = tiles(64) * 128 * k * 4
        let after = tiles(Self.tileSize) * 2 * Self.tileSize * k * 2 + 6 * k * (m + n)
        return before - after >= leastSaving
    }

    /// Bytes of the rounded factors of a product, wherever its matrices lie; none if it is not worthwhile.
    func scratchBytes(m: Int, n: Int, k: Int) -> (a: Int, b: Int) {
        guard areWorthwhile(m: m, n: n, k: k) else { return (0, 0) }
        func bytes(_ rows: Int, _ columns: Int) -> Int {
            max(
                Factors.byteCount(rows: rows, columns: columns),
                Factors.byteCount(rows: columns, columns: rows))
        }
        return (bytes(m, k), bytes(k, n))
    }
}

/// Numbers that are rounded to bfloat16 for tensor cores, in rows that begin at multiples of 16 bytes.
enum Factors {
    private static let size = 2

    /// Factors from one row to the next.
    static func pitch(_ columns: Int) -> Int { (columns + 7) / 8 * 8 }

    /// Bytes of a matrix.
    static func byteCount(rows: Int, columns: Int) -> Int { rows * pitch(columns) * size }
}

extension StepProgram {
    /// Enqueues the rounding of a matrix whose rows lie one after the other.
    func round(_ matrix: Matrix, into factors: DeviceAddress, by kernel: Kernel) throws(CUDAError) {
        let (rows, columns) = matrix.stored
        let pitch = Factors.pitch(columns)
        try launch(
            kernel, over: rows * pitch / 2,
            [.int(rows), .int(columns), .int(pitch), .address(matrix.address), .address(factors)])
    }

    /// The first matrix of several products of so many numbers, with factors that all of them use if they are worthwhile.
    func rounded(_ matrix: Matrix, forProductsOf m: Int, _ n: Int, _ k: Int) throws(CUDAError) -> Matrix {
        guard let products = kernels.factorProducts, matrix.factors == nil,
            products.areWorthwhile(m: m, n: n, k: k)
        else { return matrix }
        var matrix = matrix
        try round(matrix, into: at(memory.factorsOfFirst), by: products.round)
        matrix.factors = at(memory.factorsOfFirst)
        return matrix
    }

    /// Enqueues `result = a b + bias` if it is so large that its factors are worth rounding.
    ///
    /// - Returns: Whether it is.
    func factorProduct(
        _ a: Matrix, _ b: Matrix, plus bias: DeviceAddress?, into result: DeviceAddress, inParts: Bool
    ) throws(CUDAError) -> Bool {
        let (m, n, k) = (a.rows, b.columns, a.columns)
        guard let products = kernels.factorProducts, let kernel = products.kernel(a, b),
            products.areWorthwhile(m: m, n: n, k: k)
        else { return false }
        func factors(_ matrix: Matrix, else place: Int) throws(CUDAError) -> DeviceAddress {
            if let factors = matrix.factors { return factors }
            try round(matrix, into: at(place), by: products.round)
            return at(place)
        }
        let left = try factors(a, else: memory.factorsOfFirst)
        let right = try factors(b, else: memory.factorsOfSecond)
        let parts = ProductParts(largeOf: m, n, k)
        let isDivided = inParts && parts.count > 1
        let size = FactorProducts.tileSize
        try queue.launch(
            kernel,
            Launch(
                grid: ((n + size - 1) / size, (m + size - 1) / size, isDivided ? parts.count : 1),
                threads: FactorProducts.threads,
                arguments: [
                    .int(m), .int(n), .int(k), .address(left), .int(Factors.pitch(a.stored.columns)),
                    .address(right), .int(Factors.pitch(b.stored.columns)), argument(bias),
                    .address(isDivided ? at(memory.parts) : result),
                    .int(isDivided ? parts.depth : (k + 63) / 64 * 64),
                ], sharedMemory: FactorProducts.sharedMemory, startsEarly: kernels.startEarly))
        if isDivided { try addParts(parts.count, m * n, into: result) }
        return true
    }

    /// Enqueues the sum of parts of a product with so many numbers.
    func addParts(_ count: Int, _ numbers: Int, into result: DeviceAddress) throws(CUDAError) {
        try launch(
            kernels.addParts, over: numbers,
            [.int(numbers), .int(count), .address(at(memory.parts)), .address(result)])
    }
}
