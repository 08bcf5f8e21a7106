import UnrollKernels

/// How step products divide a layer among blocks: one launch for each step, of tiles with many rows, whose factors are kept
/// in bfloat16.
///
/// `step_products.cuh` and `pipeline.cuh` compute the same numbers from `definitions`.
package struct ProductLayout: Sendable, Hashable {
    package let layer: RecurrentLayer
    /// Rows of a block, 64 or 128.
    package let rows: Int

    /// Threads of a block.
    static let threads = 256
    /// Rows that a block may have, in the order in which minibatches grow.
    private static let heights = [64, 128]
    /// Units of a block of the backward kernel.
    static let backwardUnits = 64
    /// The most columns of a forward tile: with more, its stages are more than a block of every device has room for.
    private static let mostColumns = 192
    /// Bytes that the stages of a tile may take if there are four of them, so that two blocks fit on a multiprocessor.
    private static let roomForFourStages = 96 << 10

    /// The layouts of a layer that a device can run, for few rows first: none in float32.
    ///
    /// In float32 the arithmetic itself binds, not the way of the factors: a step of 512 LSTM units and 512 rows takes 16
    /// microseconds of an H200's multiply-adds, with large tiles as with those of the step kernels, whose 512 blocks keep
    /// all multiprocessors equally busy.
    package static func layouts(of layer: RecurrentLayer, on device: DeviceProperties) -> [ProductLayout] {
        guard layer.precision == .bfloat16 else { return [] }
        return heights.map { ProductLayout(layer, rows: $0) }.filter {
            $0.forward.sharedMemory <= device.sharedMemory && $0.backward.sharedMemory <= device.sharedMemory
        }
    }

    private init(_ layer: RecurrentLayer, rows: Int) {
        (self.layer, self.rows) = (layer, rows)
    }

    // MARK: Tiles

    /// Units of a block of the forward kernel, which has all of their gates.
    package var units: Int {
        [32, 16, 8, 4, 2].first { layer.gates * $0 <= Self.mostColumns } ?? 1
    }

    /// A tile of a product, which `pipeline.cuh` computes.
    package struct Tile: Sendable, Hashable {
        package let rows, columns: Int

        /// Numbers of a sum that a stage brings: where few columns leave warps for it, several have a part of each stage.
        package var stageDepth: Int { columns < 64 ? 128 : 64 }
        /// Bytes of a stage.
        package var stageSize: Int { 2 * (rows + columns) * stageDepth }
        /// Stages in shared memory.
        package var stages: Int { 4 * stageSize <= ProductLayout.roomForFourStages ? 4 : 3 }
        /// Bytes of shared memory of a block.
        package var sharedMemory: Int { stages * stageSize }
    }

    /// The tile of a block of the forward kernel.
    package var forward: Tile { Tile(rows: rows, columns: (layer.gates * units + 31) / 32 * 32) }
    /// The tile of a block of the backward kernel.
    package var backward: Tile { Tile(rows: rows, columns: Self.backwardUnits) }

    /// What the kernels need to know.
    var definitions: String {
        """
        #define HIDDEN \(layer.hiddenSize)
        #define ROWS \(rows)
        #define FORWARD_UNITS \(units)
        #define FORWARD_STAGES \(forward.stages)
        #define BACKWARD_STAGES \(backward.stages)

        """
    }

    // MARK: Factors

    /// Bytes of a layer's weights.
    var weightBytes: Int {
        Factors.byteCount(rows: layer.gates * layer.hiddenSize, columns: layer.hiddenSize)
    }
    /// Bytes of a step's states of so many rows.
    func stateBytes(rows: Int) -> Int { Factors.byteCount(rows: rows, columns: layer.hiddenSize) }
    /// Bytes of the gradients of a step's gates.
    func gradientBytes(rows: Int) -> Int {
        Factors.byteCount(rows: rows, columns: layer.gates * layer.hiddenSize)
    }
}

extension ProductLayout: CustomStringConvertible {
    /// Such as "step products of 64 rows and 32 units".
    package var description: String {
        "step products of \(rows) rows and \(units) unit\(units == 1 ? "" : "s")"
    }
}
