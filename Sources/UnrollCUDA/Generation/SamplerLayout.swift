import UnrollKernels

/// How a network's layers and its decoder are spread over the blocks of a launch that generates texts.
///
/// A team of blocks has some of the texts, and each of its blocks a part of one layer or of the decoder, with all of its
/// weights on the chip. `sampler.cu` computes the same numbers from `definitions`.
package struct SamplerLayout: Sendable, Hashable {
    /// How each layer is spread.
    package let layer: PersistentLayout
    /// Layers, `L`.
    package let layers: Int
    /// Tokens, `V`.
    package let vocabularySize: Int

    /// Spreads a network.
    ///
    /// - Parameters:
    ///   - layer: How each layer is spread over the blocks of a grid.
    ///   - layers: How many there are.
    ///   - vocabularySize: The number of tokens.
    package init(_ layer: PersistentLayout, layers: Int, vocabularySize: Int) {
        self.layer = layer
        self.layers = layers
        self.vocabularySize = vocabularySize
    }

    /// The ways to spread a network over a device's blocks, the one of the smallest parts first.
    ///
    /// - Returns: Those whose weights fit on the chip.
    package static func layouts(
        of layer: RecurrentLayer, layers: Int, vocabularySize: Int, on device: DeviceProperties
    ) -> [SamplerLayout] {
        let groups = (layer.hiddenSize + 15) / 16
        var layouts: [SamplerLayout] = []
        for ofBlock in 1...8 {
            let blocks = (groups + ofBlock - 1) / ofBlock
            for slices in [8, 4, 2] {
                let layout = SamplerLayout(
                    PersistentLayout(layer, exchange: .grid, blocks: blocks, slices: slices),
                    layers: layers, vocabularySize: vocabularySize)
                let fits =
                    layout.layer.threads <= PersistentLayout.mostThreads
                    && layout.sharedMemory <= device.sharedMemory && layout.blocks <= device.multiprocessors
                if fits { layouts.append(layout) }
            }
        }
        return layouts
    }

    /// Blocks of the decoder, each of which has as many tokens as a layer's has units.
    package var decoderBlocks: Int { (vocabularySize + layer.blockUnits - 1) / layer.blockUnits }
    /// Blocks of a team.
    package var blocks: Int { layers * layer.blocks + decoderBlocks }
    /// Logits of a text, with room for those of all blocks.
    package var logitCount: Int { decoderBlocks * layer.blockUnits }

    /// Warps of a block that choose tokens, each for a text.
    var choosers: Int { min(layer.warps, PersistentLayout.rowsAtOnce) }

    /// Registers of weights beyond which the compiler spills a few beside the choice of tokens.
    private static let mostRegisters = 80

    /// Chunks of a warp's weights that lie in registers: of a layer's states, and of its inputs where there are layers below.
    private var keptOfLayer: Int {
        let tiles = layers == 1 ? layer.gates : 2 * layer.gates
        return min(
            layer.kept(of: layer.forwardChunks, tiles: tiles),
            Self.mostRegisters / (tiles * PersistentLayout.chunkRegisters))
    }
    /// The same of the decoder.
    private var keptOfDecoder: Int { layer.kept(of: layer.forwardChunks, tiles: 1) }

    /// Bytes of shared memory of a block.
    package var sharedMemory: Int {
        func weights(tiles: Int, kept: Int) -> Int {
            layer.warps * tiles * (layer.forwardChunks - kept) * PersistentLayout.chunkSize
        }
        let areas = layer.areas(tiles: layer.gates)
        let scores = choosers * logitCount * 4
        let ofLayer = weights(tiles: layer.gates, kept: keptOfLayer)
        return [
            areas + scores + ofLayer, layers > 1 ? 2 * (areas + ofLayer) : 0,
            layer.areas(tiles: 1) + weights(tiles: 1, kept: keptOfDecoder),
        ].max() ?? 0
    }

    /// Bytes that a text's exchange takes at each step: every layer's outputs, and logits.
    package var exchangedBytes: Int { layers * layer.forwardBytes(rows: 1) + 4 * logitCount }

    /// What the kernel needs to know.
    var definitions: String {
        layer.definitions(keptForward: keptOfLayer) + """
            #define LAYERS \(layers)
            #define VOCABULARY \(vocabularySize)
            #define DECODERS \(decoderBlocks)
            #define DECODER_KEPT \(keptOfDecoder)

            """
    }

    /// A launch for so many teams.
    func launch(teams: Int, _ arguments: [KernelArgument]) -> Launch {
        Launch(
            grid: (blocks * teams, 1, 1), threads: layer.threads, arguments: arguments,
            sharedMemory: sharedMemory, isCooperative: true)
    }
}
