import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport

/// How layers are spread over clusters, and what is chosen.
struct RecurrenceChoiceTests {
    private static func device(_ capability: ComputeCapability = ComputeCapability(9, 0)) -> DeviceProperties
    {
        DeviceProperties(
            name: "H200", index: 0, capability: capability, memory: 141 << 30, multiprocessors: 132,
            sharedMemory: 227 << 10)
    }

    private static func layouts(
        _ cell: any RecurrentCell.Type, _ hiddenSize: Int, _ precision: Precision,
        capability: ComputeCapability = ComputeCapability(9, 0)
    ) throws -> [ClusterLayout] {
        let layer = try RecurrentLayer(ModelConfiguration(cell: cell, hiddenSize: hiddenSize), precision)
        return RecurrenceChoice.layouts(of: layer, on: device(capability))
    }

    @Test func everyLayoutHasAllWeightsOnceAndKeepsToTheLimits() {
        var source = RandomSource(seed: 1, purpose: .partitioning)
        var count = 0
        for _ in 0..<300 {
            let layer = RecurrentLayer(
                gates: 1 + source.integer(below: 8), values: source.integer(below: 30),
                hiddenSize: 1 + source.integer(below: source.integer(below: 2) == 0 ? 64 : 1500),
                precision: source.integer(below: 2) == 0 ? .float32 : .bfloat16)
            let device = Self.device()
            for layout in RecurrenceChoice.layouts(of: layer, on: device) {
                count += 1
                // All units, and no block more than needed for whole groups.
                #expect(layout.clusterUnits >= layer.hiddenSize)
                #expect(layout.clusterUnits - layer.hiddenSize < 16 * layout.clusterSize)
                #expect([1, 2, 4, 8, 16].contains(layout.clusterSize))
                // Slices have all inputs, and none has more than one chunk too many.
                let inputs = layout.forwardChunks * layout.chunk * layout.slices
                #expect((0..<layout.chunk * layout.slices).contains(inputs - layout.clusterUnits))
                let gates = layout.backwardChunks * layout.chunk - layer.gates * layout.blockUnits
                #expect((0..<layout.chunk).contains(gates))
                let tiles = layout.backwardTiles * layout.warps - layout.clusterSize * layout.groups
                #expect((0..<layout.warps).contains(tiles))
                #expect((0...layout.forwardChunks).contains(layout.keptForward))
                #expect((0...layout.backwardChunks).contains(layout.keptBackward))
                // Registers, with at least 64 for all else.
                let registers =
                    8 * max(layout.keptForward * layer.gates, layout.keptBackward * layout.backwardTiles)
                #expect((registers + 64) * layout.threads <= 65_536 || registers == 0)
                #expect(layout.threads == 32 * layout.warps && layout.threads <= 512)
                #expect(layout.forwardSharedMemory <= device.sharedMemory)
                #expect(layout.backwardSharedMemory <= device.sharedMemory)
                // A barrier counts less than 2^20 bytes.
                for rows in 1...ClusterLayout.mostRows {
                    #expect(layout.forwardBytes(rows: rows) < 1 << 20)
                    #expect(layout.backwardBytes(rows: rows) < 1 << 20)
                }
                #expect(layout.estimatedCycles.isFinite)
            }
        }
        #expect(count > 500)
    }

    @Test func layoutsAreInTheOrderOfTheirEstimates() throws {
        let layouts = try Self.layouts(LSTMCell.self, 256, .bfloat16)
        #expect(layouts.map(\.estimatedCycles) == layouts.map(\.estimatedCycles).sorted())
        #expect(layouts.map(\.estimatedCycles) != layouts.map(\.estimatedCycles).sorted(by: >))
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
        #expect(try Self.layouts(cell, hiddenSize, precision).first?.description == layout)
    }

    @Test func weightsThatDoNotFitHaveNoLayout() throws {
        #expect(try Self.layouts(LSTMCell.self, 1024, .bfloat16).isEmpty)
        #expect(try Self.layouts(TanhCell.self, 1024, .float32).isEmpty)
        #expect(try Self.layouts(TanhCell.self, 1 << 20, .bfloat16).isEmpty)
        #expect(try Self.layouts(TanhCell.self, 32, .float32, capability: ComputeCapability(8, 9)).isEmpty)
    }

    @Test func rowsOfClustersAreAllRows() {
        for batchSize in 1...100 {
            for active in 0...20 {
                let rows = RecurrenceChoice.rows(ofBatch: batchSize, activeClusters: active)
                #expect((1...8).contains(rows))
                let clusters = (batchSize + rows - 1) / rows
                // More than run at the same time only if all are full.
                #expect(clusters <= max(active, 1) || rows == 8)
            }
        }
        #expect(RecurrenceChoice.rows(ofBatch: 32, activeClusters: 8) == 4)
        #expect(RecurrenceChoice.rows(ofBatch: 512, activeClusters: 8) == 8)
    }

    @Test func theEnvironmentNamesKernels() throws {
        #expect(try RecurrenceKernels.named(in: [:]) == .steps)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": ""]) == .steps)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "steps"]) == .steps)
        #expect(try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "persistent"]) == .persistent)
        let error = #expect(throws: CUDAError.unknownKernels("fast")) {
            try RecurrenceKernels.named(in: ["UNROLL_CUDA_KERNELS": "fast"])
        }
        #expect(
            error?.description == "UNROLL_CUDA_KERNELS is 'fast' but must be steps or persistent")
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
                "cuda (the emulator, step kernels: clusters of blocks need compute capability 9.0)"
            ),
            (
                .persistent, 1025, 9,
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
