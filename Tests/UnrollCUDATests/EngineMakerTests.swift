import Testing
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport

/// Engines of `EngineMaker.cuda`, and what they say about memory.
@Suite(.needsCompiler) struct EngineMakerTests {
    @Test func allEnginesUseOneDevice() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let maker = EngineMaker.cuda(on: device)
        let model = try EngineModel(cell: TanhCell.self, size: EngineModelSize(T: 1, B: 1, V: 2, H: 1))
        let engines = try Precision.trainable.map { precision in
            try maker.engine(
                configuration: model.configuration, parameters: model.parameters,
                settings: EngineSettings(precision: precision))
        }
        // Which kernels there are beside depends on the environment.
        #expect(engines.map(\.description.name) == ["cuda", "cuda"])
        #expect(engines.map(\.description.precision) == [.float32, .bfloat16])
        #expect(engines.map(\.description.device) == ["Fake 0", "Fake 0"])
        withExtendedLifetime(engines) {
            #expect(gpu.driver["contexts"] == 1)
            #expect(gpu.driver["streams"] == 2)
        }
    }

    @Test func eightBitsAreRefused() throws {
        let maker = EngineMaker.cuda(on: try FakeGPU().open())
        let model = try EngineModel(cell: TanhCell.self, size: EngineModelSize(T: 1, B: 1, V: 2, H: 1))
        #expect(throws: CUDAError.precisionMissing("int8")) {
            try maker.engine(
                configuration: model.configuration, parameters: model.parameters,
                settings: EngineSettings(precision: .int8))
        }
    }

    @Test func theEstimateIsOfAllThatTrainingTakes() throws {
        let gpu = try FakeGPU()
        gpu.driver["free"] = 1 << 28
        let model = try EngineModel(cell: TanhCell.self, size: EngineModelSize(T: 7, B: 7, V: 33, H: 65))
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, on: gpu.open())
        func estimate(_ batchSize: Int) throws -> Double {
            let (needed, available) = try engine.memoryEstimate(
                sequenceLength: 7, batchSize: batchSize, optimizer: Optimizer(),
                regularization: Regularization())
            // What the engine has already counts as there for it.
            #expect(available == Double(1 << 28))
            return needed
        }
        // Parameters and gradients at least, and more for more rows.
        #expect(try estimate(7) > Double(8 * model.parameters.scalarCount))
        #expect(try estimate(14) > estimate(7))
        func check() throws {
            try engine.checkMemory(
                sequenceLength: 7, batchSize: 7, optimizer: Optimizer(), regularization: Regularization())
        }
        try check()
        gpu.driver["free"] = 4 * model.parameters.scalarCount
        #expect(throws: CUDAError.self) { try check() }
    }
}
