import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel

/// How step products divide layers, and for how many rows they are chosen.
struct ProductLayoutTests {
    private static func device(
        _ major: Int, _ minor: Int, multiprocessors: Int, sharedKilobytes: Int
    ) -> DeviceProperties {
        DeviceProperties(
            name: "a GPU", index: 0, capability: ComputeCapability(major, minor), memory: 80 << 30,
            multiprocessors: multiprocessors, sharedMemory: sharedKilobytes << 10)
    }
    private static let h200 = device(9, 0, multiprocessors: 132, sharedKilobytes: 227)
    private static let rtx4090 = device(8, 9, multiprocessors: 128, sharedKilobytes: 99)

    private static func layer(
        _ cell: any RecurrentCell.Type, _ hiddenSize: Int, _ precision: Precision = .bfloat16
    ) throws -> RecurrentLayer {
        try RecurrentLayer(ModelConfiguration(cell: cell, hiddenSize: hiddenSize), precision)
    }

    @Test func tilesHaveWholeWarpsAndKeepToTheLimits() {
        for gates in 1...128 {
            let layer = RecurrentLayer(gates: gates, values: 9, hiddenSize: 100, precision: .bfloat16)
            let layouts = ProductLayout.layouts(of: layer, on: Self.h200)
            #expect(layouts.map(\.rows) == [64, 128])
            for layout in layouts {
                #expect((layout.forward.columns - gates * layout.units) < 32)
                #expect(layout.forward.columns <= 192 && layout.forward.columns % 32 == 0)
                for tile in [layout.forward, layout.backward] {
                    #expect((3...4).contains(tile.stages) && tile.sharedMemory <= Self.h200.sharedMemory)
                    #expect(tile.stageDepth == (tile.columns < 64 ? 128 : 64))
                    // Sums of four slices where columns are few.
                    let slices = tile.columns >= 96 ? 1 : tile.columns >= 64 ? 2 : 4
                    #expect(4 * slices * tile.rows * (tile.columns + 8) <= tile.sharedMemory)
                }
            }
            // The lower tiles fit everywhere.
            #expect(ProductLayout.layouts(of: layer, on: Self.rtx4090).first?.rows == 64)
        }
    }

    @Test(arguments: [
        (TanhCell.self as any RecurrentCell.Type, 32, 32), (GRUCell.self, 32, 96), (LSTMCell.self, 32, 128),
    ])
    func blocksHaveAllGatesOfTheirUnits(cell: any RecurrentCell.Type, units: Int, columns: Int) throws {
        for layout in ProductLayout.layouts(of: try Self.layer(cell, 512), on: Self.h200) {
            #expect(layout.units == units && layout.forward.columns == columns)
            #expect(layout.description == "step products of \(layout.rows) rows and 32 units")
        }
    }

    @Test func float32HasNoStepProducts() throws {
        #expect(
            ProductLayout.layouts(of: try Self.layer(LSTMCell.self, 512, .float32), on: Self.h200).isEmpty)
    }

    @Test func timesGrowWithRows() throws {
        for layout in ProductLayout.layouts(of: try Self.layer(LSTMCell.self, 512), on: Self.h200) {
            let cycles = stride(from: 32, through: 4096, by: 32).map {
                layout.estimatedCycles(batchSize: $0, multiprocessors: Self.h200.multiprocessors)
            }
            #expect(cycles == cycles.sorted() && cycles.allSatisfy(\.isFinite))
            #expect(cycles[127] > 4 * cycles[0])
        }
    }

    // MARK: By rows

    @Test func asRowsGrowWhatIsFasterIsTakenForGood() {
        let small = RecurrenceChoice.steps(reason: "small"), large = RecurrenceChoice.steps(reason: "large")
        let never = RecurrenceChoice.steps(reason: "never"), huge = RecurrenceChoice.steps(reason: "huge")
        let choice = RecurrenceChoice.fastest(of: [
            (small, { $0 > 50 && $0 < 60 ? 0 : 10 * Double($0) }), (never, { 10 * Double($0) + 1 }),
            (large, { 200 + Double($0) }), (huge, { 1000 + 0.1 * Double($0) }),
        ])
        // 10 n > 200 + n from 23 on, and 200 + n > 1000 + n / 10 from 889.
        #expect(choice == .byRows(small, from: 23, .byRows(large, from: 889, huge)))
        #expect(choice.alternatives == [small, large, huge])
        for (rows, wanted) in [(1, small), (22, small), (23, large), (55, large), (888, large), (889, huge)] {
            #expect(choice.choice(forRows: rows) == wanted)
        }
        #expect(choice.choice(forRows: 1 << 20) == huge)
        #expect(
            choice.description
                == "step kernels: small; from 23 rows step kernels: large; from 889 rows step kernels: huge")
        #expect(RecurrenceChoice.fastest(of: [(never, { _ in 1 })]) == never)
    }

    /// Of an LSTM of 512 units on an H200, which runs eight clusters of 16 blocks at a time.
    @Test func clustersAreForFewRowsAndStepProductsForMany() throws {
        let layer = try Self.layer(LSTMCell.self, 512)
        let clusters = try #require(
            RecurrenceChoice.layouts(of: layer, exchange: .cluster, on: Self.h200).first)
        #expect(clusters.blocks == 16)
        let products = ProductLayout.layouts(of: layer, on: Self.h200)
        let choice = RecurrenceChoice.fastest(
            of: [
                (.persistent(clusters), { clusters.estimatedCycles(batchSize: $0, activeTeams: 8) })
            ]
                + products.map { layout in
                    (.products(layout), { layout.estimatedCycles(batchSize: $0, multiprocessors: 132) })
                })
        #expect(choice.choice(forRows: 256) == .persistent(clusters))
        #expect(choice.choice(forRows: 512) == .products(products[0]))
        #expect(choice.choice(forRows: 2048) == .products(products[1]))
    }

    /// What the engine would choose on an H200, of which the emulator has the sizes.
    @Test(
        .enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"),
        arguments: [
            (TanhCell.self as any RecurrentCell.Type, 64, Precision.bfloat16, RecurrenceKernels.auto),
            (LSTMCell.self, 64, .bfloat16, .auto), (LSTMCell.self, 64, .float32, .auto),
            (LSTMCell.self, 64, .bfloat16, .products), (LSTMCell.self, 64, .float32, .products),
        ])
    func theEngineChoosesByRows(
        cell: any RecurrentCell.Type, hiddenSize: Int, precision: Precision, kernels: RecurrenceKernels
    ) throws {
        let configuration = ModelConfiguration(cell: cell, hiddenSize: hiddenSize)
        let device = EmulatedDevice()
        let engine = try CUDAEngine(
            configuration: configuration,
            parameters: try ModelParameters(for: configuration, vocabularySize: 3, seed: 0),
            precision: precision, recurrence: kernels, on: device)
        let choices = [1, 64, 512, 4096].map { engine.recurrence.choice(forRows: $0) }
        switch (kernels, precision) {
        case (.products, .float32):
            #expect(engine.recurrence == .steps(reason: "step products need bfloat16"))
        case (.products, .bfloat16):
            for case .products(let layout) in choices { #expect(layout.layer.hiddenSize == hiddenSize) }
            #expect(engine.description.description.contains("step products of 64 rows and 32 units"))
        default:
            // A few rows are for one cluster, and many for launches of large tiles.
            guard case .persistent = choices[0] else {
                Issue.record("\(engine.recurrence)")
                return
            }
            if precision == .bfloat16 {
                guard case .products = choices[3] else {
                    Issue.record("\(engine.recurrence)")
                    return
                }
            }
        }
    }
}
