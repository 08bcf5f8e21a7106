import DeviceCheck
import KernelSources
import Testing
import UnrollBase
import UnrollCUDA
import UnrollTestSupport

/// Launches of clusters and grids by way of the driver's code and an emulated driver.
@Suite(.needsCompiler, .enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EmulatedLaunchTests {
    private static let exchange = KernelSource(name: "the exchange", text: ExchangeKernel().text)

    /// Launches the exchange on 32 blocks of 64 threads.
    private func launchExchange(
        _ kernel: Kernel, from states: DeviceAddress, to out: DeviceAddress, by queue: any DeviceQueue,
        size: Int
    ) throws {
        try queue.launch(
            kernel,
            ExchangeKernel().launch(
                from: states, to: out, size: size, clusters: 32 / size, threads: 64, steps: 3,
                sharedMemory: 60_000))
    }

    @Test(arguments: [2, 4, 8, 16], [0, 5]) func clustersRunAndSoDoTheirGraphs(size: Int, seed: UInt64) throws
    {
        let driver = try EmulatedDriver(seed: seed)
        let device = try driver.open(), queue = try device.makeQueue()
        let module = try device.load(Self.exchange)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("exchange")
        let first = ExchangeKernel.firstStates(count: 32 * 32)
        let (x, y) = (try device.array(count: first.count), try device.array(count: first.count))
        defer { for address in [x, y] { device.free(address) } }
        try first.withUnsafeBytes { try queue.copy($0, to: x) }
        // The first launch of the kernel is captured, so that what it is allowed is said in a capture.
        let graph = try queue.capture {
            try launchExchange(kernel, from: x, to: y, by: queue, size: size)
            try launchExchange(kernel, from: y, to: x, by: queue, size: size)
        }
        #expect(
            try driver.launches()
                == Array(
                    repeating: "exchange grid 32 1 1 block 64 shared 60000 cluster \(size) captured", count: 2
                ))
        for _ in 0..<2 { try queue.launch(graph) }
        try launchExchange(kernel, from: x, to: y, by: queue, size: size)
        #expect(try driver.launches() == ["exchange grid 32 1 1 block 64 shared 60000 cluster \(size)"])
        var states = first
        for _ in 0..<5 { states = ExchangeKernel.states(after: states, size: size, steps: 3) }
        #expect(try queue.words(y, count: first.count) == states)
    }

    @Test(arguments: [0, 3]) func cooperativeGridsRunAndStartEarly(seed: UInt64) throws {
        let driver = try EmulatedDriver(seed: seed)
        let device = try driver.open(), queue = try device.makeQueue()
        let module = try device.load(EveryPrimitive.blocks)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("pass_in_grid")
        let (words, first) = (try device.array(count: 4 * 128 * 4), try device.array(count: 512))
        defer { for address in [words, first] { device.free(address) } }
        try queue.launch(
            kernel, blocks: 4, threads: 128, sharedMemory: 2048, isCooperative: true, startsEarly: true,
            .address(words), .address(first))
        for (index, word) in try queue.words(first, count: 512).enumerated() {
            let previous = (index / 128 + 3) % 4
            #expect(Int(word) == 127 - index % 128 + 1000 * previous)
        }
        #expect(
            try driver.launches()
                == ["pass_in_grid grid 4 1 1 block 128 shared 2048 cluster 1 cooperative early"])
    }

    @Test func theDriverRefusesWhatTheGPUCannotRun() throws {
        let device = try EmulatedDriver().open(), queue = try device.makeQueue()
        let module = try device.load(KernelSource(name: "kernels", text: "KERNEL(32, nothing, ()) {}"))
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("nothing")
        func refusal(
            blocks: Int, sharedMemory: Int = 0, clusterSize: Int = 1, isCooperative: Bool = false
        ) throws -> String? {
            do throws(CUDAError) {
                try queue.launch(
                    kernel,
                    Launch(
                        grid: (blocks, 1, 1), threads: 32, arguments: [], sharedMemory: sharedMemory,
                        clusterSize: clusterSize, isCooperative: isCooperative))
                return nil
            } catch {
                guard case .driver(let function, let name, _) = error else { return error.description }
                return "\(function): \(name)"
            }
        }
        #expect(try refusal(blocks: 16, clusterSize: 16) == nil)
        #expect(
            try refusal(blocks: 24, clusterSize: 16)
                == "cuLaunchKernelEx of nothing: CUDA_ERROR_INVALID_VALUE")
        #expect(
            try refusal(blocks: 133, isCooperative: true)
                == "cuLaunchKernelEx of nothing: CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE")
        #expect(
            try refusal(blocks: 1, sharedMemory: 228 << 10)
                == "cuFuncSetAttribute of nothing: CUDA_ERROR_INVALID_VALUE")
        let launch = Launch(grid: (16, 1, 1), threads: 32, arguments: [], clusterSize: 16)
        #expect(try device.activeClusters(of: kernel, launch) == 8)
        #expect(device.properties.multiprocessors == 132)
        try queue.synchronize()
    }

    @Test func aFaultOfAClusterFailsTheLaunch() throws {
        let device = try EmulatedDriver().open(), queue = try device.makeQueue()
        let module = try device.load(
            KernelSource(name: "a wrong exchange", text: ExchangeKernel(surplus: 4).text))
        defer { withExtendedLifetime(module) {} }
        let (x, y) = (try device.array(count: 1024), try device.array(count: 1024))
        try launchExchange(try module.kernel("exchange"), from: x, to: y, by: queue, size: 4)
        #expect(
            throws: CUDAError.driver(
                function: "cuStreamSynchronize", name: "CUDA_ERROR_LAUNCH_FAILED",
                message: "unspecified launch failure")
        ) { try queue.synchronize() }
    }
}
