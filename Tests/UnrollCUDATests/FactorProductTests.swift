import Testing
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Large matrix products in bfloat16, whose factors are rounded in memory: what they compute, and which products are large.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct FactorProductTests {
    private static let kernels = ["product_mk_kn", "product_mk_nk", "product_km_kn"]

    /// A rounded number of a matrix.
    private func number(_ index: Int, _ step: Int) -> Float {
        let value = Float(index * step % 1009) / 1009 - 0.4
        return Float(bitPattern: value.bitPattern & 0xffff_0000)
    }

    /// The device's copy of a matrix of factors, made by `round_factors`, and how many there are from row to row.
    private func factors(
        _ rows: Int, _ columns: Int, _ step: Int, _ module: any KernelModule, on queue: any DeviceQueue,
        _ device: EmulatedDevice
    ) throws -> (address: DeviceAddress, pitch: Int) {
        let pitch = (columns + 7) / 8 * 8
        let numbers = try device.array((0..<rows * columns).map { number($0, step) })
        let address = try device.array(count: rows * pitch / 2)
        try queue.launch(
            try module.kernel("round_factors"), blocks: (rows * pitch / 2 + 255) / 256, threads: 256,
            .int(rows), .int(columns), .int(pitch), .address(numbers), .address(address))
        return (address, pitch)
    }

    @Test(arguments: kernels, [(1, 1, 1, 64), (129, 77, 200, 128), (40, 130, 65, 64)])
    func productsAreThoseOfDoubles(name: String, sizes: (m: Int, n: Int, k: Int, depth: Int)) throws {
        let (m, n, k, depth) = sizes
        for seed in [0, 3] as [UInt64] {
            let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
            let module = try device.load(.factorProducts)
            let hasRowsOfK = name == "product_km_kn", hasColumnsOfK = name != "product_mk_nk"
            let a = try factors(hasRowsOfK ? k : m, hasRowsOfK ? m : k, 389, module, on: queue, device)
            let b = try factors(hasColumnsOfK ? k : n, hasColumnsOfK ? n : k, 577, module, on: queue, device)
            let parts = (k + depth - 1) / depth
            let bias = (0..<n).map { number($0, 271) }
            let result = try device.array(count: parts * m * n)
            try queue.launch(
                try module.kernel(name),
                Launch(
                    grid: ((n + 127) / 128, (m + 127) / 128, parts), threads: 256,
                    arguments: [
                        .int(m), .int(n), .int(k), .address(a.address), .int(a.pitch), .address(b.address),
                        .int(b.pitch), parts == 1 ? .address(try device.array(bias)) : .null,
                        .address(result), .int(depth),
                    ], sharedMemory: 98_304))
            let found = try queue.floats(result, count: parts * m * n)
            for row in 0..<m {
                for column in 0..<n {
                    let wanted = (0..<k).reduce(parts == 1 ? Double(bias[column]) : 0) { sum, i in
                        let left = hasRowsOfK ? i * m + row : row * k + i
                        let right = hasColumnsOfK ? i * n + column : column * k + i
                        return sum + Double(number(left, 389)) * Double(number(right, 577))
                    }
                    let sum = (0..<parts).reduce(0.0) { $0 + Double(found[($1 * m + row) * n + column]) }
                    #expect(abs(sum - wanted) < 2e-5)
                }
            }
        }
    }

    /// Stacks with embeddings, tied weights and a vocabulary of whole tiles, with all products by these kernels.
    @Test(
        arguments: [
            EngineModelSize(T: 3, B: 9, V: 131, H: 31, L: 2, E: 31, isTied: true),
            EngineModelSize(T: 9, B: 15, V: 131, H: 65, L: 2, E: 7, hasSingleBias: true),
            EngineModelSize(T: 2, B: 3, V: 2, H: 1, L: 2),
        ], [SplitCell.self, TanhCell.self] as [any RecurrentCell.Type])
    func stacksAgreeWithTheReference(size: EngineModelSize, cell: any RecurrentCell.Type) throws {
        let model = try EngineModel(cell: cell, size: size)
        // Of so many multiprocessors that step products have tiles of 64 rows alone.
        let device = EmulatedDevice(seed: 6, multiprocessors: 1 << 20)
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: .bfloat16,
            recurrence: .products, on: device)
        let tolerance = Precision.bfloat16.tolerance
        for (minibatch, expected) in zip(model.minibatches, try model.reference(in: .bfloat16)) {
            let (loss, gradients) = try engine.gradients(on: minibatch)
            #expect(abs(loss / expected.meanLoss - 1) < tolerance.loss)
            for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) {
                #expect(
                    actual.values.difference(from: wanted.values) < tolerance.gradient, "\(actual.name)")
            }
            let mean = try engine.evaluate(minibatch) / Double(minibatch.tokenCount)
            #expect(abs(mean / expected.meanLoss - 1) < tolerance.loss)
        }
        #expect(device.launches["product"] == nil)
        for kernel in Self.kernels { #expect(device.launches[kernel].map { $0 > 0 } == true, "\(kernel)") }
    }

    /// Small products stay with small tiles, whatever runs the recurrence.
    @Test func smallProductsAreNotRounded() throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 9, V: 131, H: 33, L: 2, E: 7))
        for kernels in [RecurrenceKernels.persistent, .auto] {
            let device = EmulatedDevice()
            let engine = try CUDAEngine(
                configuration: model.configuration, parameters: model.parameters, precision: .bfloat16,
                recurrence: kernels, on: device)
            _ = try engine.gradients(on: model.minibatches[0])
            let launches = device.launches
            #expect(launches["product"].map { $0 > 0 } == true)
            for kernel in Self.kernels + ["round_factors"] { #expect(launches[kernel] == nil) }
        }
    }

    /// Large ones are rounded beside persistent kernels, too, and each matrix of gradients once.
    @Test func largeProductsAreRounded() throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: EngineModelSize(T: 25, B: 64, V: 3, H: 256, E: 256))
        let device = EmulatedDevice()
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: .bfloat16,
            recurrence: .grid, on: device)
        let usual = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, precision: .bfloat16)
        let actual = try engine.gradients(on: model.minibatches[0]).gradients
        let wanted = try usual.gradients(on: model.minibatches[0]).gradients
        for (actual, wanted) in zip(actual.entries, wanted.entries) {
            let difference = actual.values.difference(from: wanted.values)
            #expect(difference < Precision.bfloat16.tolerance.gradient, "\(actual.name)")
        }
        // The input product, the gradients of both kinds of weights, and that of the input.
        let launches = device.launches
        #expect(launches["product_mk_nk"] == 1 && launches["product_km_kn"] == 2)
        #expect(launches["product_mk_kn"] == 1)
        // Two matrices forward. Backward, halves of gates from the layer itself, and the states before its steps; and halves
        // from the input, the input and its weights.
        #expect(launches["round_factors"] == 7)
    }
}
