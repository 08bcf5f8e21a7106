import UnrollCUDA
import UnrollKernels
import UnrollModel

/// A layer whose kernels for clusters are compiled.
struct ClusterLayer {
    let cell: any RecurrentCell.Type
    let hiddenSize: Int
    var zoneout = Zoneout()

    /// The sizes at which registers are scarce, and small ones of every cell.
    static let all =
        [
            ClusterLayer(cell: TanhCell.self, hiddenSize: 512),
            ClusterLayer(cell: TanhCell.self, hiddenSize: 1024),
            ClusterLayer(cell: ReLUCell.self, hiddenSize: 256),
            ClusterLayer(cell: LSTMCell.self, hiddenSize: 256),
            ClusterLayer(cell: LSTMCell.self, hiddenSize: 512),
            ClusterLayer(cell: LSTMCell.self, hiddenSize: 512, zoneout: Zoneout(output: 0.1, memory: 0.1)),
            ClusterLayer(cell: GRUCell.self, hiddenSize: 512),
            ClusterLayer(cell: EveryFunctionCell.self, hiddenSize: 512),
        ]
        + (ModelConfiguration.builtInCells + [EveryFunctionCell.self]).map {
            ClusterLayer(cell: $0, hiddenSize: 100)
        }

    var configuration: ModelConfiguration {
        ModelConfiguration(cell: cell, hiddenSize: hiddenSize, zoneout: zoneout)
    }

    /// What an H200 may run: what is expected to be the fastest, of large layers for clusters of 16 blocks and of 8.
    func layouts() throws -> [ClusterLayout] {
        let device = DeviceProperties(
            name: "H200", index: 0, capability: ComputeCapability(9, 0), memory: 141 << 30,
            multiprocessors: 132, sharedMemory: 227 << 10)
        return try Precision.allCases.flatMap { precision in
            let layer = try RecurrentLayer(configuration, precision)
            let sizes: [Int?] = hiddenSize > 128 ? [16, 8] : [nil]
            return sizes.compactMap { size in
                RecurrenceChoice.layouts(of: layer, on: device, clusterSize: size).first
            }
        }
    }

    /// The name of the file with the kernels, without its ending.
    func fileName(_ layout: ClusterLayout) -> String {
        let zoneout = zoneout == Zoneout() ? "" : "-zoneout"
        return "clusters-\(cell.name)\(zoneout)-\(hiddenSize)-\(layout.layer.precision)"
            + "-\(layout.clusterSize)x\(layout.threads)"
    }
}
