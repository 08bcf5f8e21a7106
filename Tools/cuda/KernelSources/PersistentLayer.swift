import UnrollCUDA
import UnrollKernels
import UnrollModel

/// A layer whose persistent kernels are compiled.
struct PersistentLayer {
    let cell: any RecurrentCell.Type
    let hiddenSize: Int
    var zoneout = Zoneout()

    /// The sizes at which registers are scarce, and small ones of every cell.
    static let all =
        [
            PersistentLayer(cell: TanhCell.self, hiddenSize: 512),
            PersistentLayer(cell: TanhCell.self, hiddenSize: 1024),
            PersistentLayer(cell: TanhCell.self, hiddenSize: 2048),
            PersistentLayer(cell: ReLUCell.self, hiddenSize: 256),
            PersistentLayer(cell: LSTMCell.self, hiddenSize: 256),
            PersistentLayer(cell: LSTMCell.self, hiddenSize: 512),
            PersistentLayer(
                cell: LSTMCell.self, hiddenSize: 512, zoneout: Zoneout(output: 0.1, memory: 0.1)),
            PersistentLayer(cell: LSTMCell.self, hiddenSize: 1024),
            PersistentLayer(cell: GRUCell.self, hiddenSize: 512),
            PersistentLayer(cell: GRUCell.self, hiddenSize: 1024),
            PersistentLayer(cell: EveryFunctionCell.self, hiddenSize: 512),
        ]
        + (ModelConfiguration.builtInCells + [EveryFunctionCell.self]).map {
            PersistentLayer(cell: $0, hiddenSize: 100)
        }

    var configuration: ModelConfiguration {
        ModelConfiguration(cell: cell, hiddenSize: hiddenSize, zoneout: zoneout)
    }

    /// GPUs with the most shared memory, and with the least of those that have tensor cores for bfloat16.
    static let h200 = DeviceProperties(
        name: "H200", index: 0, capability: ComputeCapability(9, 0), memory: 141 << 30, multiprocessors: 132,
        sharedMemory: 227 << 10)
    private static let rtx4090 = DeviceProperties(
        name: "RTX 4090", index: 0, capability: ComputeCapability(8, 9), memory: 24 << 30,
        multiprocessors: 128, sharedMemory: 99 << 10)

    /// What these GPUs run: the first one clusters, of large layers of 16 blocks and of 8, or else a grid, and the other one
    /// grids, which are compiled for large layers only.
    func layouts() throws -> Set<PersistentLayout> {
        var found: Set<PersistentLayout> = []
        for precision in Precision.trainable {
            let layer = try RecurrentLayer(configuration, precision)
            func add(_ exchange: BlockExchange, _ device: DeviceProperties, blocks: Int? = nil) -> Bool {
                let layouts = RecurrenceChoice.layouts(
                    of: layer, exchange: exchange, on: device, blocks: blocks)
                return layouts.first.map { found.insert($0).inserted } ?? false
            }
            let sizes: [Int?] = hiddenSize > 128 ? [16, 8] : [nil]
            let hasClusters = sizes.map { add(.cluster, Self.h200, blocks: $0) }.contains(true)
            if !hasClusters { _ = add(.grid, Self.h200) }
            if hiddenSize >= 512 { _ = add(.grid, Self.rtx4090) }
        }
        return found
    }

    /// Networks whose texts are generated, at sizes at which registers or shared memory are scarce.
    static let samplers =
        [
            (TanhCell.self, 512, 1, 28), (LSTMCell.self, 512, 1, 28), (LSTMCell.self, 512, 2, 100),
            (GRUCell.self, 512, 1, 1024), (LSTMCell.self, 1024, 1, 100), (EveryFunctionCell.self, 100, 2, 28),
        ] as [(any RecurrentCell.Type, hiddenSize: Int, layers: Int, vocabularySize: Int)]

    /// How these networks are spread over the larger of the GPUs, with the cell's configuration and a name of the file.
    static func samplerLayouts() throws -> [(ModelConfiguration, SamplerLayout, name: String)] {
        try samplers.flatMap { cell, H, L, V in
            try Precision.trainable.compactMap { precision in
                let model = ModelConfiguration(cell: cell, hiddenSize: H, layerCount: L)
                let layouts = SamplerLayout.layouts(
                    of: try RecurrentLayer(model, precision), layers: L, vocabularySize: V, on: h200)
                return layouts.first.map { (model, $0, "sampler-\(cell.name)-\(H)x\(L)-\(V)-\(precision)") }
            }
        }
    }

    /// The name of the file with the kernels, without its ending.
    func fileName(_ layout: PersistentLayout) -> String {
        let zoneout = zoneout == Zoneout() ? "" : "-zoneout"
        return "\(layout.exchange)-\(cell.name)\(zoneout)-\(hiddenSize)-\(layout.layer.precision)"
            + "-\(layout.blocks)x\(layout.threads)"
    }
}
