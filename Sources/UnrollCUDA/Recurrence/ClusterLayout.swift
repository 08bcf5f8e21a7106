import UnrollKernels
import UnrollModel

/// What a layout depends on beside the device.
package struct RecurrentLayer: Sendable, Hashable {
    /// Gates of the cell, `G`.
    package var gates: Int
    /// Values of the formula that kernels read for each unit and row: states before and after a step, learned vectors, and
    /// what is saved.
    package var values: Int
    /// Hidden units, `H`.
    package var hiddenSize: Int
    /// The number format of weights and states in products.
    package var precision: Precision

    /// A layer of these sizes.
    package init(gates: Int, values: Int, hiddenSize: Int, precision: Precision) {
        (self.gates, self.values) = (gates, values)
        (self.hiddenSize, self.precision) = (hiddenSize, precision)
    }

    /// A layer of a network.
    ///
    /// - Throws: `ModelError.invalidCell`.
    package init(_ configuration: ModelConfiguration, _ precision: Precision) throws(ModelError) {
        let graph = try configuration.cellGraph()
        self.init(
            gates: graph.gateCount,
            values: 2 * graph.stateCount + graph.parameterCount + CellSource(graph).savedCount,
            hiddenSize: configuration.hiddenSize, precision: precision)
    }
}

/// How a layer's units, and with them its recurrent weights, are spread over the blocks of a cluster, for
/// `cluster_forward` and `cluster_backward`.
///
/// A cluster has all units and up to 8 rows of a minibatch. Each block has groups of 16 units with all of their gates. Its
/// weights stay on the chip: in chunks, of which as many as possible lie in registers and the others in shared memory.
/// `cluster.cuh` computes the same numbers from `definitions`.
package struct ClusterLayout: Sendable, Hashable {
    package let layer: RecurrentLayer
    /// Blocks of a cluster.
    package let clusterSize: Int
    /// Groups of 16 units of a block.
    package let groups: Int
    /// Warps that share the forward product of a group, each with a part of the inputs.
    package let slices: Int
    /// How many chunks of a warp's weights lie in registers, in the forward and the backward kernel.
    package private(set) var keptForward = 0
    package private(set) var keptBackward = 0

    /// The most rows of a cluster: columns of a product of tensor cores.
    package static let mostRows = 8
    /// The most threads of a block: with more, registers are too few for formulas.
    private static let mostThreads = 512
    /// Bytes of shared memory of a chunk of 16 units' weights.
    private static let chunkSize = 1024
    /// Registers that a thread keeps of it.
    private static let chunkRegisters = 8
    /// Bytes of a group's sums, of 16 units and 8 rows.
    private static let sumSize = 512

    /// Spreads a layer over clusters.
    ///
    /// - Parameters:
    ///   - layer: The layer.
    ///   - clusterSize: Blocks of a cluster: 1, 2, 4, 8 or 16.
    ///   - slices: Warps that share the forward product of a group.
    package init(_ layer: RecurrentLayer, clusterSize: Int, slices: Int) {
        self.layer = layer
        self.clusterSize = clusterSize
        self.slices = slices
        groups = ((layer.hiddenSize + 15) / 16 + clusterSize - 1) / clusterSize
        keptForward = kept(of: forwardChunks, tiles: gates)
        keptBackward = kept(of: backwardChunks, tiles: backwardTiles)
    }

    // MARK: Units and weights

    private var gates: Int { layer.gates }
    /// Units of a block, and of a cluster: at least as many as there are.
    package var blockUnits: Int { 16 * groups }
    package var clusterUnits: Int { clusterSize * blockUnits }
    package var warps: Int { groups * slices }
    /// Threads of a block.
    package var threads: Int { 32 * warps }

    /// Inputs of a chunk.
    package var chunk: Int { layer.precision == .bfloat16 ? 32 : 16 }
    /// Chunks of a warp's share of the inputs; forward it is that of its slice, for all gates of its group.
    package var forwardChunks: Int { (clusterUnits + chunk * slices - 1) / (chunk * slices) }
    package var backwardChunks: Int { (gates * blockUnits + chunk - 1) / chunk }
    /// Groups of 16 of the cluster's units of which a warp of `cluster_backward` computes sums.
    package var backwardTiles: Int { (clusterSize * groups + warps - 1) / warps }

    // MARK: Registers

    /// Registers of a thread, of which the multiprocessor has 65,536 for a block.
    private var registers: Int { min(255, 65_536 / threads / 8 * 8) }
    /// Pairs of a unit and a row of which a thread takes care.
    private var elements: Int { (4 + slices - 1) / slices }

    /// How many chunks of tiles lie in registers.
    ///
    /// They leave room for sums, for the formula's values, and for addresses and the factors at hand: in bfloat16 more, as
    /// twice as many factors are read at the beginning for a word of weights. `Tools/cuda/compile` shows whether that is right.
    private func kept(of chunks: Int, tiles: Int) -> Int {
        let sums = tiles * (layer.precision == .bfloat16 ? 4 : 16)
        let free =
            registers - sums - elements * (layer.values + 2 * gates)
            - (layer.precision == .bfloat16 ? 80 : 64)
        return min(chunks, max(0, free) / (tiles * Self.chunkRegisters))
    }

    // MARK: Shared memory

    private var factorSize: Int { layer.precision == .bfloat16 ? 2 : 4 }
    private static let barriers = 128

    private func rowBytes(_ count: Int) -> Int {
        layer.precision == .bfloat16 ? (2 * count + 127) / 128 * 128 + 64 : 4 * count
    }

    /// Bytes of shared memory of a block of `cluster_forward`.
    package var forwardSharedMemory: Int {
        let states = 2 * Self.mostRows * rowBytes(forwardChunks * slices * chunk)
        let sums = warps * gates * Self.sumSize
        let weights = warps * gates * (forwardChunks - keptForward) * Self.chunkSize
        return Self.barriers + states + sums + weights
    }

    /// Bytes of shared memory of a block of `cluster_backward`.
    package var backwardSharedMemory: Int {
        let sums = 2 * clusterSize * groups * Self.sumSize
        let gradients = 2 * Self.mostRows * rowBytes(backwardChunks * chunk)
        let weights = warps * backwardTiles * (backwardChunks - keptBackward) * Self.chunkSize
        return Self.barriers + sums + gradients + weights
    }

    // MARK: Exchange

    /// Bytes that a block gets in each step of `cluster_forward`: the states of all units.
    package func forwardBytes(rows: Int) -> Int { rows * clusterUnits * factorSize }

    /// Bytes that a block gets in each step of `cluster_backward`: of every block, sums for its own units and pairs of rows.
    package func backwardBytes(rows: Int) -> Int { clusterSize * groups * ((rows + 1) / 2) * 128 }

    // MARK: Choice

    /// Whether a block keeps to the limits of a multiprocessor with so many bytes of shared memory.
    package func fits(sharedMemory: Int) -> Bool {
        threads <= Self.mostThreads && max(forwardSharedMemory, backwardSharedMemory) <= sharedMemory
    }

    /// About how many clock cycles a step of both kernels takes, to compare layouts.
    ///
    /// Assumed of a multiprocessor, before any was measured: 1280 multiply-adds of bfloat16 in a cycle or 100 of float32,
    /// 128 bytes of shared memory, and 14 bytes from other blocks.
    package var estimatedCycles: Double {
        let products = Double(gates * blockUnits * clusterUnits * Self.mostRows)
        let multiplied = 2 * products / (layer.precision == .bfloat16 ? 1280 : 100)
        let fetched = Double(
            warps * Self.chunkSize
                * (gates * (forwardChunks - keptForward) + backwardTiles * (backwardChunks - keptBackward)))
        let exchanged = Double(forwardBytes(rows: Self.mostRows) + backwardBytes(rows: Self.mostRows))
        let summed = Double(2 * warps * gates * Self.sumSize + clusterSize * groups * Self.sumSize)
        // What a thread does for one unit and row after the other: the formula, and loads before it.
        let pointwise = Double(elements) * 100
        return multiplied + (fetched + summed) / 128 + exchanged / 14 + pointwise
    }

    /// What `cluster.cuh` needs to know.
    var definitions: String {
        """
        #define HIDDEN \(layer.hiddenSize)
        #define CLUSTER \(clusterSize)
        #define GROUPS \(groups)
        #define SLICES \(slices)
        #define FORWARD_KEPT \(keptForward)
        #define BACKWARD_KEPT \(keptBackward)

        """
    }
}

extension ClusterLayout: CustomStringConvertible {
    /// Such as "clusters of 16 blocks of 256 threads".
    package var description: String {
        "clusters of \(clusterSize) block\(clusterSize == 1 ? "" : "s") of \(threads) threads"
    }
}
