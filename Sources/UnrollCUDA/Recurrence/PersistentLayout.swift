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

/// How the blocks of a persistent kernel exchange data.
package enum BlockExchange: String, Sendable, CaseIterable {
    /// Blocks of a cluster send to each other's shared memory: `cluster_forward` and `cluster_backward`.
    case cluster
    /// Blocks of a cooperative launch load from global memory what others store: `grid_forward` and `grid_backward`.
    case grid
}

/// How a layer's units, and with them its recurrent weights, are spread over a team of blocks, for kernels that run all
/// steps in one launch.
///
/// A team has all units and some rows of a minibatch. Each of its blocks has groups of 16 units with all of their gates. Its
/// weights stay on the chip: in chunks, of which as many as possible lie in registers and the others in shared memory.
/// `persistent.cuh` and the files of the kernels compute the same numbers from `definitions`.
package struct PersistentLayout: Sendable, Hashable {
    package let layer: RecurrentLayer
    package let exchange: BlockExchange
    /// Blocks of a team.
    package let blocks: Int
    /// Groups of 16 units of a block.
    package let groups: Int
    /// Warps that share the forward product of a group, each with a part of the inputs.
    package let slices: Int
    /// How many chunks of a warp's weights lie in registers, in the forward and the backward kernel.
    package private(set) var keptForward = 0
    package private(set) var keptBackward = 0

    /// Rows of a product of tensor cores, and the most that a team has at once.
    package static let rowsAtOnce = 8
    /// Registers that a thread keeps of a chunk of 16 units' weights.
    static let chunkRegisters = 8
    /// Registers of weights in bfloat16 beyond which the compiler spills a few in kernels of grids.
    private static let mostGridRegisters = 112

    /// Spreads a layer over teams of blocks.
    ///
    /// - Parameters:
    ///   - layer: The layer.
    ///   - exchange: How blocks exchange data.
    ///   - blocks: Blocks of a team; of a cluster 1, 2, 4, 8 or 16.
    ///   - slices: Warps that share the forward product of a group.
    package init(_ layer: RecurrentLayer, exchange: BlockExchange, blocks: Int, slices: Int) {
        self.layer = layer
        self.exchange = exchange
        self.blocks = blocks
        self.slices = slices
        groups = ((layer.hiddenSize + 15) / 16 + blocks - 1) / blocks
        keptForward = kept(of: forwardChunks, tiles: gates)
        keptBackward = kept(of: backwardChunks, tiles: backwardTiles)
    }

    // MARK: Units and weights

    var gates: Int { layer.gates }
    /// Units of a block, and of a team: at least as many as there are.
    package var blockUnits: Int { 16 * groups }
    package var teamUnits: Int { blocks * blockUnits }
    package var warps: Int { groups * slices }
    /// Threads of a block.
    package var threads: Int { 32 * warps }

    /// Inputs of a chunk.
    package var chunk: Int { layer.precision == .bfloat16 ? 32 : 16 }
    /// Chunks of a warp's share of the states; forward it is that of its slice, for all gates of its group.
    package var forwardChunks: Int { (teamUnits + chunk * slices - 1) / (chunk * slices) }
    /// Chunks of a warp's share of the gates' gradients: in a cluster those of the block, in a grid its slice of all.
    package var backwardChunks: Int {
        switch exchange {
        case .cluster: (gates * blockUnits + chunk - 1) / chunk
        case .grid: (gates * teamUnits + chunk * slices - 1) / (chunk * slices)
        }
    }
    /// Groups of 16 units of which a warp computes sums backward: in a cluster its share of all, in a grid its own.
    package var backwardTiles: Int { exchange == .cluster ? (blocks * groups + warps - 1) / warps : 1 }

    // MARK: Registers

    /// Registers of a thread, of which the multiprocessor has 65,536 for a block.
    private var registers: Int { min(255, 65_536 / threads / 8 * 8) }
    /// Pairs of a unit and a row of which a thread takes care.
    var elements: Int { (4 + slices - 1) / slices }

    /// How many chunks of tiles lie in registers.
    ///
    /// They leave room for sums, for the formula's values, and for addresses and the factors at hand: in bfloat16 more, as
    /// twice as many factors are read at the beginning for a word of weights, and in a grid for factors on their way and for
    /// the places of each element in memory. `Tools/cuda/compile` shows whether that is right.
    func kept(of chunks: Int, tiles: Int) -> Int {
        let isHalf = layer.precision == .bfloat16
        let sums = tiles * (isHalf ? 4 : 16)
        let factors = (isHalf ? 86 : 64) + (exchange == .grid ? 20 * elements : 0)
        var free = registers - sums - elements * (layer.values + 2 * gates) - factors
        if exchange == .grid, isHalf { free = min(free, Self.mostGridRegisters) }
        return min(chunks, max(0, free) / (tiles * Self.chunkRegisters))
    }

    /// What the kernels need to know.
    var definitions: String { definitions(keptForward: keptForward) }

    /// The same for kernels that keep another number of chunks in registers in a forward product.
    func definitions(keptForward: Int) -> String {
        """
        #define HIDDEN \(layer.hiddenSize)
        #define BLOCKS \(blocks)
        #define GROUPS \(groups)
        #define SLICES \(slices)
        #define FORWARD_KEPT \(keptForward)
        #define BACKWARD_KEPT \(keptBackward)

        """
    }
}

extension PersistentLayout: CustomStringConvertible {
    /// Such as "clusters of 16 blocks of 256 threads" or "a grid in teams of 64 blocks of 256 threads".
    package var description: String {
        let teams = exchange == .cluster ? "clusters" : "a grid in teams"
        return "\(teams) of \(blocks) block\(blocks == 1 ? "" : "s") of \(threads) threads"
    }
}
