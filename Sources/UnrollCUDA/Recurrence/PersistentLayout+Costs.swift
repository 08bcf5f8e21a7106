import UnrollKernels

/// What a layout takes: shared memory, bytes to exchange, and time.
extension PersistentLayout {
    /// The most threads of a block: with more, registers are too few for formulas.
    static let mostThreads = 512
    /// Bytes of shared memory of a chunk of 16 units' weights.
    static let chunkSize = 1024
    /// Bytes of a group's sums, of 16 units and 8 rows.
    private static let sumSize = 512
    /// Bytes of a cluster's barriers.
    private static let barriers = 128
    /// Bytes of 8 rows' factors that a warp of a grid takes at once.
    private static let pieceSize = 2048

    private var factorSize: Int { layer.precision == .bfloat16 ? 2 : 4 }

    /// Bytes of a row of factors in a cluster's shared memory.
    private func rowBytes(_ count: Int) -> Int {
        layer.precision == .bfloat16 ? (2 * count + 127) / 128 * 128 + 64 : 4 * count
    }

    // MARK: Shared memory

    /// Bytes of shared memory of a block of the forward kernel.
    package var forwardSharedMemory: Int {
        let others = warps * gates * (forwardChunks - keptForward) * Self.chunkSize
        switch exchange {
        case .cluster:
            let states = 2 * Self.rowsAtOnce * rowBytes(forwardChunks * slices * chunk)
            return Self.barriers + states + warps * gates * Self.sumSize + others
        case .grid: return areas(tiles: gates) + others
        }
    }

    /// Bytes of shared memory of a block of the backward kernel.
    package var backwardSharedMemory: Int {
        let others = warps * backwardTiles * (backwardChunks - keptBackward) * Self.chunkSize
        switch exchange {
        case .cluster:
            let gradients = 2 * Self.rowsAtOnce * rowBytes(backwardChunks * chunk)
            return Self.barriers + 2 * blocks * groups * Self.sumSize + gradients + others
        case .grid: return areas(tiles: backwardTiles) + others
        }
    }

    /// `Areas` of `grid.cuh`: two, where each warp has its factors and then its sums.
    func areas(tiles: Int) -> Int { 2 * warps * max(Self.pieceSize, tiles * Self.sumSize) }

    /// Whether a block keeps to the limits of a multiprocessor with so many bytes of shared memory.
    package func fits(sharedMemory: Int) -> Bool {
        threads <= Self.mostThreads && max(forwardSharedMemory, backwardSharedMemory) <= sharedMemory
    }

    // MARK: Exchange

    /// Bytes that a block gets in a step of the forward kernel: the states of all units.
    package func forwardBytes(rows: Int) -> Int { rows * teamUnits * factorSize }

    /// Bytes that a block gets in a step of the backward kernel.
    ///
    /// In a cluster they are sums for its own units and pairs of rows from every block, in a grid the gradients of all gates.
    package func backwardBytes(rows: Int) -> Int {
        switch exchange {
        case .cluster: blocks * groups * ((rows + 1) / 2) * 128
        case .grid: rows * gates * teamUnits * factorSize
        }
    }

    /// Bytes of global memory for each token of a minibatch, by way of which the blocks of a grid exchange data.
    var exchangedBytes: (forward: Int, backward: Int) {
        exchange == .grid ? (forwardBytes(rows: 1), backwardBytes(rows: 1)) : (0, 0)
    }

    // MARK: Time

    /// Rows of a minibatch for which layouts are compared.
    private static let comparedRows = 64

    /// Estimates how many clock cycles a step of both kernels takes, to compare layouts with the same exchange.
    ///
    /// - Parameter multiprocessors: Those of the device.
    /// - Returns: The cycles: of a cluster for its rows, of a grid for 64 rows.
    package func estimatedCycles(multiprocessors: Int) -> Double {
        switch exchange {
        case .cluster: cyclesOfRows
        case .grid:
            estimatedCycles(batchSize: Self.comparedRows, activeTeams: max(1, multiprocessors / blocks))
        }
    }

    /// Estimates how many clock cycles a step of both kernels takes for all rows of a minibatch.
    ///
    /// - Parameters:
    ///   - batchSize: Rows of the minibatch.
    ///   - activeTeams: Teams that run at the same time.
    /// - Returns: The cycles.
    package func estimatedCycles(batchSize: Int, activeTeams: Int) -> Double {
        let rows = RecurrenceChoice.rows(
            ofBatch: batchSize, exchange: exchange, activeTeams: activeTeams)
        let turns =
            switch exchange {
            case .cluster: ((batchSize + rows - 1) / rows + activeTeams - 1) / activeTeams
            // A team takes its rows one lot after the other.
            case .grid: (rows + Self.rowsAtOnce - 1) / Self.rowsAtOnce
            }
        return Double(turns) * cyclesOfRows
    }

    /// Clock cycles of the rows that a team has at once.
    ///
    /// Assumed of a multiprocessor, before any was measured: 1280 multiply-adds of bfloat16 in a cycle or 100 of float32,
    /// 128 bytes of shared memory, and 14 bytes from other blocks of a cluster or 24 from global memory that lies in the
    /// second-level cache.
    private var cyclesOfRows: Double {
        let products = Double(gates * blockUnits * teamUnits * Self.rowsAtOnce)
        let multiplied = 2 * products / (layer.precision == .bfloat16 ? 1280 : 100)
        let fetched = Double(
            warps * Self.chunkSize
                * (gates * (forwardChunks - keptForward) + backwardTiles * (backwardChunks - keptBackward)))
        let exchanged = Double(forwardBytes(rows: Self.rowsAtOnce) + backwardBytes(rows: Self.rowsAtOnce))
        // What a thread does for one unit and row after the other: the formula, and loads before it.
        let pointwise = Double(elements) * 100
        let (summed, bytesPerCycle) =
            switch exchange {
            case .cluster:
                (2 * warps * gates * Self.sumSize + blocks * groups * Self.sumSize, 14.0)
            case .grid: (2 * warps * (gates + backwardTiles) * Self.sumSize, 24.0)
            }
        return multiplied + (fetched + Double(summed)) / 128 + exchanged / bytesPerCycle + pointwise
    }
}
