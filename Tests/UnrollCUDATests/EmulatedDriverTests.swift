import Foundation
import Synchronization
import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Training by way of the driver and NVRTC, which are emulated: all code of the package runs as with a GPU.
@Suite(
    .needsCompiler, .enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EmulatedDriverTests {
    /// Networks that are trained long enough for an error that grows to show.
    static let models: [(name: String, cell: any RecurrentCell.Type, size: EngineModelSize)] = [
        ("tanh", TanhCell.self, EngineModelSize(T: 8, B: 4, V: 20, H: 32)),
        ("LSTM", LSTMCell.self, EngineModelSize(T: 6, B: 4, V: 20, H: 16, L: 2, E: 8)),
    ]

    private static func model(_ index: Int) throws -> EngineModel {
        try EngineModel(cell: models[index].cell, size: models[index].size)
    }

    private static func steps(
        of model: EngineModel, count: Int, _ optimizer: Optimizer = Optimizer(learningRate: 0.5)
    ) -> [TrainingStep] {
        (0..<count).map { index in
            TrainingStep(
                minibatch: model.minibatches[index % 3], optimizer: optimizer,
                randomness: StepRandomness(
                    regularization: Regularization(dropout: 0.1), seed: 5, step: index))
        }
    }

    @Test(arguments: models.indices, Precision.trainable)
    func lossesAreThoseOfTheCPU(model index: Int, precision: Precision) throws {
        let model = try Self.model(index)
        let steps = Self.steps(of: model, count: 60)
        let engine = try EmulatedDriver().engine(model, precision: precision)
        let cpu = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision, threads: 1
        )
        let losses = (try engine.train(steps).map(\.meanLoss), try cpu.train(steps).map(\.meanLoss))
        #expect(losses.0.count == steps.count)
        let tolerance = precision == .float32 ? 1e-4 : 0.02
        for (actual, expected) in zip(losses.0, losses.1) {
            #expect(abs(actual / expected - 1) < tolerance)
        }
        let loss = try engine.evaluate(model.minibatches[0])
        #expect(try abs(loss / cpu.evaluate(model.minibatches[0]) - 1) < tolerance)
    }

    @Test(arguments: [1, 2, 3])
    func noBitDependsOnTheOrderOfThreadsAndStreams(seed: UInt64) throws {
        let model = try Self.model(1)
        let steps = Self.steps(of: model, count: 6)
        let (ordered, drawn) = (
            try EmulatedDriver().engine(model), try EmulatedDriver(seed: seed).engine(model)
        )
        let expected = try ordered.train(steps)
        let other = try drawn.sharingParameters(threads: nil)
        // Another stream of the same device works in between.
        let results = try steps.map { step in
            _ = try other.evaluate(step.minibatch)
            return try drawn.train([step])[0]
        }
        #expect(results == expected)
        #expect(try drawn.parameters == ordered.parameters)
        #expect(try other.parameters == ordered.parameters)
        #expect(
            try other.evaluate(model.minibatches[0])
                == ordered.sharingParameters(threads: nil).evaluate(model.minibatches[0]))
    }

    @Test func aRunGoesOnBitForBitInAnotherProcess() throws {
        let model = try Self.model(1)
        let optimizer = Optimizer(rule: .adam(), learningRate: 0.01, averaging: .exponential(decay: 0.9))
        let steps = Self.steps(of: model, count: 8, optimizer)
        let whole = try EmulatedDriver().engine(model)
        _ = try whole.train(steps)
        let first = try EmulatedDriver().engine(model)
        _ = try first.train(Array(steps[..<4]))
        // A driver of its own shares no memory with the first.
        let second = try CUDAEngine(
            configuration: model.configuration, parameters: first.parameters, on: EmulatedDriver().open())
        try second.restoreState(first.state)
        try second.restoreOptimizerState(first.optimizerState)
        _ = try second.train(Array(steps[4...]))
        #expect(try second.parameters == whole.parameters)
        #expect(try second.state == whole.state)
        #expect(try second.optimizerState == whole.optimizerState)
    }

    @Test func twoEnginesTrainOnOneGPUAtATime() async throws {
        let driver = try EmulatedDriver()
        let losses = try Self.models.indices.map { index in
            let model = try Self.model(index)
            return try driver.engine(model).train(Self.steps(of: model, count: 12)).map(\.meanLoss)
        }
        let together = try await withThrowingTaskGroup(of: (Int, [Double]).self) { group in
            for index in Self.models.indices {
                group.addTask {
                    let model = try Self.model(index)
                    let engine = try driver.engine(model)
                    // One by one, so that threads change in between.
                    return (
                        index,
                        try Self.steps(of: model, count: 12).map { try engine.train([$0])[0].meanLoss }
                    )
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for index in Self.models.indices { #expect(together[index] == losses[index]) }
    }

    @Test func memoryIsLimitedAndGivenBack() throws {
        let model = try Self.model(0)
        let device = try EmulatedDriver(memory: 300_000).open()
        do {
            let engine = try CUDAEngine(
                configuration: model.configuration, parameters: model.parameters, on: device)
            let large = try EngineModel(
                cell: TanhCell.self, size: EngineModelSize(T: 100, B: 32, V: 20, H: 32))
            #expect {
                try engine.train(on: large.minibatches[0], with: Optimizer())
            } throws: { error in
                guard case .outOfMemory(let needed, let available, let name) = error as? CUDAError else {
                    return false
                }
                return needed > available && available < 300_000 && name == "Emulated GPU"
            }
            #expect(try engine.train(on: model.minibatches[0], with: Optimizer()).isFinite)
        }
        #expect(try device.availableMemory() == 300_000)
        #expect(throws: CUDAError.outOfMemory(needed: 300_001, available: 300_000, device: "Emulated GPU")) {
            try device.allocate(byteCount: 300_001)
        }
    }
}

/// What goes wrong on a GPU, and what the driver makes of it.
@Suite(
    .needsCompiler, .enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EmulatedDriverErrorTests {
    private static let source = KernelSource(
        name: "kernels of a test",
        text: """
            KERNEL(32, stall, (float* y)) { if (threadIdx.x) __syncthreads(); else y[0] = warp_xor(y[0], 1); }
            KERNEL(32, add, (float* y, float value)) { y[threadIdx.x] += value; }
            KERNEL(32, write, (float* y, int at)) { y[int(threadIdx.x) + at] = 1; }
            KERNEL(32, local, (int at)) { SHARED float x[32]; x[threadIdx.x + at] = 1; }
            """)

    private static func error(_ name: String, _ message: String) -> CUDAError {
        .driver(function: "cuStreamSynchronize", name: name, message: message)
    }

    @Test func afterAFailedKernelEveryCallFails() throws {
        let model = try EngineModel(
            cell: TanhCell.self, size: EngineModelSize(T: 3, B: 2, V: 5, H: 8))
        let device = try EmulatedDriver().open()
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, on: device)
        #expect(try engine.train(on: model.minibatches[0], with: Optimizer()).isFinite)
        let (y, queue) = (try device.array(count: 32), try device.makeQueue())
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("stall")
        try queue.launch(kernel, threads: 32, .address(y))
        #expect(throws: Self.error("CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure")) {
            try queue.synchronize()
        }
        for _ in 0..<2 {
            #expect {
                try engine.train(on: model.minibatches[0], with: Optimizer())
            } throws: { error in
                guard case .driver(_, let name, _) = error as? CUDAError else { return false }
                return name == "CUDA_ERROR_LAUNCH_FAILED"
            }
        }
        #expect(throws: CUDAError.self) { try engine.parameters }
    }

    @Test(.enabled(if: EmulatedDevice.findsErrorsOfCode, "g++ finds none"), arguments: [1, -1, 1000])
    func anIndexOutOfRangeFails(index: Int) throws {
        let device = try EmulatedDriver().open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("local")
        let queue = try device.makeQueue()
        try queue.launch(kernel, threads: 32, .int(0))
        try queue.synchronize()
        try queue.launch(kernel, threads: 32, .int(index))
        #expect(throws: Self.error("CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure")) {
            try queue.synchronize()
        }
    }

    @Test(arguments: [1, -1])
    func writingPastAnAllocationFails(index: Int) throws {
        let device = try EmulatedDriver().open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("write")
        let (y, queue) = (try device.array(count: 32), try device.makeQueue())
        try queue.launch(kernel, threads: 32, .address(y), .int(index))
        #expect(
            throws: Self.error("CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered")
        ) { try queue.synchronize() }
    }

    @Test func workIsDoneWhenItIsWaitedFor() throws {
        let device = try EmulatedDriver().open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("add")
        let y = try device.array([Float](repeating: 1, count: 32))
        let (queue, other) = (try device.makeQueue(), try device.makeQueue())
        let graph = try queue.capture {
            try queue.fillWithZeros(y, byteCount: 64)
            try queue.launch(kernel, threads: 32, .address(y), .float(2))
        }
        #expect(try other.floats(y, count: 32) == [Float](repeating: 1, count: 32))
        for _ in 0..<2 { try queue.launch(graph) }
        // A queue that did not wait sees nothing of it.
        #expect(try other.floats(y, count: 32) == [Float](repeating: 1, count: 32))
        let expected = [Float](repeating: 2, count: 16) + [Float](repeating: 5, count: 16)
        #expect(try queue.floats(y, count: 32) == expected)
        device.free(y)
        // What was in memory before is not there for the next that asks for it.
        let new = try device.array(count: 32)
        #expect(try queue.floats(new, count: 32).allSatisfy(\.isNaN))
        device.free(new)
    }

    @Test func whatACaptureForbidsEndsIt() throws {
        let device = try EmulatedDriver().open()
        let queue = try device.makeQueue()
        #expect(throws: CUDAError.duringCapture("cuMemAlloc")) {
            try queue.capture { _ = try device.array(count: 1) }
        }
        #expect(throws: CUDAError.duringCapture("cuStreamSynchronize")) {
            try queue.capture { try queue.synchronize() }
        }
        // An error that is not passed on ends it, too.
        #expect(throws: CUDAError.self) { try queue.capture { _ = try? device.array(count: 1) } }
        try queue.launch(try queue.capture {})
        try queue.synchronize()
    }

    @Test func kernelsGoWithTheirModule() throws {
        let device = try EmulatedDriver().open()
        let queue = try device.makeQueue()
        let kernel = try device.load(Self.source).kernel("local")
        #expect(
            throws: CUDAError.driver(
                function: "cuLaunchKernel of local", name: "CUDA_ERROR_INVALID_HANDLE",
                message: "invalid resource handle")
        ) { try queue.launch(kernel, threads: 32, .int(0)) }
    }

    /// Giving memory back waits for the GPU, which the driver forbids while any thread captures.
    @Test func oneThreadCapturesWhileAnotherGivesMemoryBack() throws {
        let driver = try EmulatedDriver()
        // Of its own each, as two engines have them.
        let (device, other) = (try driver.open(), try driver.open())
        let isFinished = Atomic(false)
        let (started, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            while !isFinished.load(ordering: .relaxed), let y = try? other.array(count: 32) {
                other.free(y)
                started.signal()
            }
            ended.signal()
        }
        started.wait()
        let (queue, y) = (try device.makeQueue(), try device.array(count: 32))
        #expect(throws: Never.self) {
            for _ in 0..<200 {
                let graph = try queue.capture {
                    for _ in 0..<500 { try queue.fillWithZeros(y, byteCount: 128) }
                }
                try queue.launch(graph)
            }
        }
        isFinished.store(true, ordering: .relaxed)
        ended.wait()
        #expect(try queue.floats(y, count: 32).allSatisfy { $0 == 0 })
        device.free(y)
        #expect(try device.availableMemory() == 1 << 30)
    }

    @Test func launchesThatDoNotFitAreRefused() throws {
        let device = try EmulatedDriver().open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("local")
        let queue = try device.makeQueue()
        for (blocks, threads) in [(0, 32), (1, 64), (1, 31)] {
            #expect(
                throws: CUDAError.driver(
                    function: "cuLaunchKernel of local", name: "CUDA_ERROR_INVALID_VALUE",
                    message: "invalid argument")
            ) { try queue.launch(kernel, blocks: blocks, threads: threads, .int(0)) }
        }
        try queue.launch(kernel, threads: 32, .int(0))
        try queue.synchronize()
    }

    @Test func errorsOfKernelsAreTheCompilersWithTheirLine() throws {
        let device = try EmulatedDriver().open()
        #expect {
            try device.load(
                KernelSource(
                    name: "the kernels of a test", text: "\nKERNEL(32, wrong, (float* y)) { y = z; }"))
        } throws: { error in
            guard case .compilation(let name, let log) = error as? CUDAError else { return false }
            return name == "the kernels of a test" && log.contains("kernels:2:") && log.contains("'z'")
        }
    }

    @Test func kernelsOfAnotherDriverInTheCacheAreReplaced() throws {
        let folder = try TemporaryFolder()
        let driver = try EmulatedDriver()
        var environment = driver.environment
        environment["XDG_CACHE_HOME"] = folder.url.path
        let source = KernelSource(name: "kernels", text: "KERNEL(32, nothing, ()) {}")
        func load() throws { _ = try DriverDevice.open(index: 0, environment: environment).load(source) }
        try load()
        let files = folder("unroll/kernels")
        let file = files.appending(path: try #require(folder.names(in: "unroll/kernels").first))
        // With a digest, as if it had been written like this: code of another processor, such as a GPU's.
        var other = try Data(contentsOf: file).dropLast(64)
        other[18] = 190
        try (other + Data(Checksum.sha256(other).utf8)).write(to: file)
        try load()
        #expect(try Data(contentsOf: file)[18] != 190)
        #expect(try folder.names(in: "unroll/kernels").count == 1)
    }
}
