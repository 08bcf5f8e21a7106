import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport

/// How layers are spread over teams of blocks, and what is chosen.
struct RecurrenceChoiceTests {
    private static let h200 = DeviceProperties(
        name: "H200", index: 0, capability: ComputeCapability(9, 0), memory: 141 << 30, multiprocessors: 132,
        sharedMemory: 227 << 10)
    private static let a100 = DeviceProperties(
        name: "A100", index: 0, capability: ComputeCapability(8, 0), memory: 80 << 30, multiprocessors: 108,
        sharedMemory: 163 << 10)
    private static let rtx4090 = DeviceProperties(
        name: "RTX 4090", index: 0, capability: ComputeCapability(8, 9), memory: 24 << 30,
        multiprocessors: 128, sharedMemory: 99 << 10)

    private static func layouts(
        _ cell: any RecurrentCell.Type, _ hiddenSize: Int, _ precision: Precision, _ exchange: BlockExchange,
        on device: DeviceProperties = h200
    ) throws -> [PersistentLayout] {
        let layer = try RecurrentLayer(ModelConfiguration(cell: cell, hiddenSize: hiddenSize), precision)
        return RecurrenceChoice.layouts(of: layer, exchange: exchange, on: device)
    }

    @Test func everyLayoutHasAllWeightsOnceAndKeepsToTheLimits() {
        var source = RandomSource(seed: 1, purpose: .partitioning)
        var count = 0
        for _ in 0..<300 {
            let layer = RecurrentLayer(
                gates: 1 + source.integer(below: 8), values: source.integer(below: 30),
                hiddenSize: 1 + source.integer(below: source.integer(below: 2) == 0 ? 64 : 1500),
                precision: source.integer(below: 2) == 0 ? .float32 : .bfloat16)
            for device in [Self.h200, Self.a100, Self.rtx4090] {
                for exchange in BlockExchange.allCases {
                    let layouts = RecurrenceChoice.layouts(of: layer, exchange: exchange, on: device)
                    for layout in layouts { Self.check(layout, on: device) }
                    count += layouts.count
                }
            }
        }
        #expect(count > 2000)
    }

    private static func check(_ layout: PersistentLayout, on device: DeviceProperties) {
        let layer = layout.layer
        // All units, and no block more than needed for whole groups.
        #expect(layout.teamUnits >= layer.hiddenSize)
        #expect(layout.teamUnits - layer.hiddenSize < 16 * layout.blocks)
        switch layout.exchange {
        case .cluster: #expect(device.hasClusters && [1, 2, 4, 8, 16].contains(layout.blocks))
        case .grid: #expect(layout.blocks <= device.multiprocessors)
        }
        // Slices have all inputs, and none has more than one chunk too many.
        let inputs = layout.forwardChunks * layout.chunk * layout.slices
        #expect((0..<layout.chunk * layout.slices).contains(inputs - layout.teamUnits))
        let gates = layout.backwardChunks * layout.chunk
        switch layout.exchange {
        case .cluster:
            #expect((0..<layout.chunk).contains(gates - layer.gates * layout.blockUnits))
            let tiles = layout.backwardTiles * layout.warps - layout.blocks * layout.groups
            #expect((0..<layout.warps).contains(tiles))
        case .grid:
            let surplus = gates * layout.slices - layer.gates * layout.teamUnits
            #expect((0..<layout.chunk * layout.slices).contains(surplus))
            #expect(layout.backwardTiles == 1)
        }
        #expect((0...layout.forwardChunks).contains(layout.keptForward))
        #expect((0...layout.backwardChunks).contains(layout.keptBackward))
        // Registers, with at least 64 for all else.
        let registers = 8 * max(layout.keptForward * layer.gates, layout.keptBackward * layout.backwardTiles)
        #expect((registers + 64) * layout.threads <= 65_536 || registers == 0)
        #expect(layout.threads == 32 * layout.warps && layout.threads <= 512)
        #expect(layout.forwardSharedMemory <= device.sharedMemory)
        #expect(layout.backwardSharedMemory <= device.sharedMemory)
        // A barrier counts less than 2^20 bytes.
        for rows in 1...PersistentLayout.rowsAtOnce where layout.exchange == .cluster {
            #expect(layout.forwardBytes(rows: rows) < 1 << 20)
            #expect(layout.backwardBytes(rows: rows) < 1 << 20)
        }
        #expect(layout.estimatedCycles(multiprocessors: device.multiprocessors).isFinite)
    }

    @Test(arguments: BlockExchange.allCases)
    func layoutsAreInTheOrderOfTheirEstimates(exchange: BlockExchange) throws {
        let cycles = try Self.layouts(LSTMCell.self, 256, .bfloat16, exchange).map {
            $0.estimatedCycles(multiprocessors: Self.h200.multiprocessors)
        }
        #expect(cycles == cycles.sorted())
        #expect(cycles != cycles.sorted(by: >))
    }

    @Test(arguments: [
        (
            TanhCell.self as any RecurrentCell.Type, 512, Precision.bfloat16,
            "clusters of 16 blocks of 256 threads"
        ),
        (TanhCell.self, 512, .float32, "clusters of 16 blocks of 256 threads"),
        (TanhCell.self, 1024, .bfloat16, "clusters of 16 blocks of 256 threads"),
        (LSTMCell.self, 256, .float32, "clusters of 16 blocks of 256 threads"),
        (LSTMCell.self, 512, .bfloat16, "clusters of 16 blocks of 256 threads"),
        (LSTMCell.self, 512, .float32, "clusters of 16 blocks of 256 threads"),
        (GRUCell.self, 512, .bfloat16, "clusters of 16 blocks of 256 threads"),
        (LSTMCell.self, 20, .bfloat16, "clusters of 2 blocks of 128 threads"),
    ])
    func theFirstLayoutIsTheOneOfTheTable(
        cell: any RecurrentCell.Type, hiddenSize: Int, precision: Precision, layout: String
    ) throws {
        #expect(try Self.layouts(cell, hiddenSize, precision, .cluster).first?.description == layout)
    }

    /// What a cluster has no room for.
    @Test(arguments: [
        (LSTMCell.self as any RecurrentCell.Type, 1024, Precision.float32), (LSTMCell.self, 1024, .bfloat16),
        (GRUCell.self, 1024, .float32), (GRUCell.self, 1024, .bfloat16), (TanhCell.self, 2048, .float32),
        (TanhCell.self, 2048, .bfloat16), (LSTMCell.self, 2048, .bfloat16),
    ])
    func largeLayersFitOnAWholeDevice(
        cell: any RecurrentCell.Type, hiddenSize: Int, precision: Precision
    ) throws {
        #expect(try Self.layouts(cell, hiddenSize, precision, .cluster).isEmpty)
        #expect(try !Self.layouts(cell, hiddenSize, precision, .grid).isEmpty)
    }

    @Test func devicesWithoutClustersHaveGrids() throws {
        for device in [Self.a100, Self.rtx4090] {
            #expect(try Self.layouts(TanhCell.self, 32, .float32, .cluster, on: device).isEmpty)
            for (cell, hiddenSize) in [
                (TanhCell.self as any RecurrentCell.Type, 32), (LSTMCell.self, 512), (LSTMCell.self, 1024),
            ] {
                #expect(try !Self.layouts(cell, hiddenSize, .bfloat16, .grid, on: device).isEmpty)
            }
        }
    }

    @Test func weightsThatDoNotFitHaveNoLayout() throws {
        for exchange in BlockExchange.allCases {
            #expect(try Self.layouts(LSTMCell.self, 2048, .float32, exchange).isEmpty)
            #expect(try Self.layouts(TanhCell.self, 1 << 20, .bfloat16, exchange).isEmpty)
        }
    }

    @Test func rowsOfTeamsAreAllRows() {
        for batchSize in 1...100 {
            for active in 0...20 {
                let rows = RecurrenceChoice.rows(
                    ofBatch: batchSize, exchange: .cluster, activeTeams: active)
                #expect((1...8).contains(rows))
                let clusters = (batchSize + rows - 1) / rows
                // More than run at the same time only if all are full.
                #expect(clusters <= max(active, 1) || rows == 8)
                let ofGrid = RecurrenceChoice.rows(ofBatch: batchSize, exchange: .grid, activeTeams: active)
                #expect(ofGrid >= rows && (batchSize + ofGrid - 1) / ofGrid <= max(active, 1))
            }
        }
        func rows(_ batchSize: Int, _ exchange: BlockExchange) -> Int {
            RecurrenceChoice.rows(ofBatch: batchSize, exchange: exchange, activeTeams: 8)
        }
        #expect(rows(32, .cluster) == 4 && rows(512, .cluster) == 8)
        #expect(rows(32, .grid) == 4 && rows(512, .grid) == 64)
    }

    @Test func theEnvironmentNamesKernels() throws {
        #expect(try RecurrenceKernels.named(in: [:]) == .steps)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": ""]) == .steps)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "steps"]) == .steps)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "persistent"]) == .persistent)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "grid"]) == .grid)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "products"]) == .products)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "auto"]) == .auto)
        let error = #expect(throws: CUDAError.unknownKernels("fast")) {
            try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "fast"])
        }
        #expect(
            error?.description
                == "UNROLL_CUDA_KERNELS is 'fast' but must be steps, persistent, grid, products or auto")
    }

    @Test(
        .enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"),
        arguments: [
            (RecurrenceKernels.steps, 20, 9, "cuda (the emulator)"),
            (
                .persistent, 20, 9,
                "cuda (the emulator, persistent kernels: clusters of 2 blocks of 128 threads)"
            ),
            (
                .persistent, 20, 8,
                "cuda (the emulator, persistent kernels: a grid in teams of 2 blocks of 128 threads)"
            ),
            (
                .grid, 20, 9,
                "cuda (the emulator, persistent kernels: a grid in teams of 2 blocks of 128 threads)"
            ),
            (
                .persistent, 3000, 9,
                "cuda (the emulator, step kernels: the recurrent weights do not fit on the chip)"
            ),
        ])
    func theEngineSaysWhatRunsTheRecurrence(
        kernels: RecurrenceKernels, hiddenSize: Int, capability: Int, description: String
    ) throws {
        let configuration = ModelConfiguration(cell: TanhCell.self, hiddenSize: hiddenSize)
        let engine = try CUDAEngine(
            configuration: configuration,
            parameters: try ModelParameters(for: configuration, vocabularySize: 3, seed: 0),
            recurrence: kernels, on: EmulatedDevice(capability: ComputeCapability(capability, 0)))
        #expect(engine.description.description == description)
    }
}
