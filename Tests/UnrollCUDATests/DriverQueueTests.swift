import Foundation
import Testing
import UnrollCUDA
import UnrollTestSupport

/// Memory, copies, kernels and graphs: what arrives at the driver, and in which order.
@Suite(.needsCompiler) struct DriverQueueTests {
    private static let source = KernelSource(
        name: "test kernels", text: "// kernel add 8 8 4 4\n// kernel none \n")

    private func copy(_ address: DeviceAddress, count: Int, by queue: any DeviceQueue) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 1, count: count)
        try bytes.withUnsafeMutableBytes { try queue.copy(address, to: $0) }
        return bytes
    }

    @Test func bytesAndZerosComeBackAsTheyWereEnqueued() throws {
        let gpu = try FakeGPU()
        do {
            let device = try gpu.open()
            let (first, second) = (try device.allocate(byteCount: 12), try device.allocate(byteCount: 300))
            #expect(first.bits % 256 == 0 && second.bits % 256 == 0)
            let queue = try device.makeQueue()
            var bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
            try bytes.withUnsafeBytes { try queue.copy($0, to: first) }
            // The fake copies only when it has to: what it reads then is not this.
            for index in bytes.indices { bytes[index] = 99 }
            try queue.fillWithZeros(first + 4, byteCount: 4)
            #expect(try copy(first, count: 12, by: queue) == [1, 2, 3, 4, 0, 0, 0, 0, 9, 10, 11, 12])
            #expect(
                gpu.driver.calls() == [
                    "cuMemAlloc 12", "cuMemAlloc 300", "cuStreamCreate 1",
                    "cuMemcpyHtoDAsync memory0+0 12 stream0", "cuMemsetD32Async memory0+4 0 1 stream0",
                    "cuMemcpyDtoHAsync memory0+0 12 stream0", "cuStreamSynchronize stream0",
                ])
            #expect(try device.availableMemory() == (1 << 20) - 312)
            device.free(second)
            device.free(first)
            #expect(try device.availableMemory() == 1 << 20)
            #expect(
                gpu.driver.calls().filter { $0.hasPrefix("cuMemFree") } == [
                    "cuMemFree memory1+0", "cuMemFree memory0+0",
                ])
        }
        #expect(gpu.alive.isEmpty)
    }

    @Test func nothingIsCopiedOrFilledWhereThereAreNoBytes() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let (address, queue) = (try device.allocate(byteCount: 0), try device.makeQueue())
        _ = gpu.driver.calls()
        try queue.copy(UnsafeRawBufferPointer(start: nil, count: 0), to: address)
        try queue.fillWithZeros(address, byteCount: 0)
        #expect(gpu.driver.calls().isEmpty)
        #expect(try copy(address, count: 0, by: queue).isEmpty)
        #expect(gpu.driver.calls() == ["cuStreamSynchronize stream0"])
        device.free(address)
    }

    @Test func manyCopiesDoNotTakeEverMoreMemory() throws {
        let gpu = try FakeGPU()
        gpu.driver["free"] = 1 << 30
        let device = try gpu.open()
        let (address, queue) = (try device.allocate(byteCount: 40 << 20), try device.makeQueue())
        let bytes = [UInt8](repeating: 7, count: 40 << 20)
        _ = gpu.driver.calls()
        for _ in 0..<2 { try bytes.withUnsafeBytes { try queue.copy($0, to: address) } }
        #expect(
            gpu.driver.calls().map { $0.prefix { $0 != " " } } == [
                "cuMemcpyHtoDAsync", "cuStreamSynchronize", "cuMemcpyHtoDAsync",
            ])
        device.free(address)
    }

    @Test func aLaunchArrivesAsItWasGiven() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let module = try device.load(Self.source)
        let (address, queue) = (try device.allocate(byteCount: 64), try device.makeQueue())
        let (add, none) = (try module.kernel("add"), try module.kernel("none"))
        _ = gpu.driver.calls()
        try queue.launch(
            add,
            Launch(
                grid: (x: 70_000, y: 2, z: 3), threads: 96,
                arguments: [.address(address + 16), .null, .int(-2), .float(1)]))
        try queue.launch(none, Launch(grid: (x: 1, y: 1, z: 1), threads: 32, arguments: []))
        #expect(
            gpu.driver.calls() == [
                "cuLaunchKernel add grid 70000 2 3 block 96 1 1 shared 0 stream0 memory0+16 0 fffffffe 3f800000",
                "cuLaunchKernel none grid 1 1 1 block 32 1 1 shared 0 stream0",
            ])
        #expect(
            throws: CUDAError.driver(
                function: "cuModuleGetFunction of other", name: "CUDA_ERROR_NOT_FOUND", message: "a message")
        ) { try module.kernel("other") }
        device.free(address)
    }

    @Test func whatIsCapturedRunsWhenTheGraphIsLaunched() throws {
        let gpu = try FakeGPU()
        do {
            let device = try gpu.open()
            let kernel = try device.load(Self.source)
            let queue = try device.makeQueue()
            let none = try kernel.kernel("none")
            _ = gpu.driver.calls()
            let graph = try queue.capture {
                try queue.launch(none, Launch(grid: (x: 1, y: 1, z: 1), threads: 32, arguments: []))
            }
            try queue.launch(graph)
            try queue.launch(graph)
            try queue.synchronize()
            #expect(
                gpu.driver.calls() == [
                    "cuStreamBeginCapture stream0 1",
                    "cuLaunchKernel none grid 1 1 1 block 32 1 1 shared 0 stream0 captured",
                    "cuStreamEndCapture stream0", "cuGraphInstantiateWithFlags 0", "cuGraphDestroy",
                    "cuGraphLaunch stream0", "cuGraphLaunch stream0", "cuStreamSynchronize stream0",
                ])
            #expect(gpu.alive == ["contexts", "streams", "modules", "executables"])
        }
        #expect(gpu.alive.isEmpty)
    }

    @Test func anErrorWhileCapturingEndsTheCaptureAndTheQueueGoesOn() throws {
        struct Refusal: Error {}
        let gpu = try FakeGPU()
        do {
            let queue = try gpu.open().makeQueue()
            #expect(throws: Refusal.self) { try queue.capture { throw Refusal() } }
            #expect(gpu.alive == ["contexts", "streams"])
            _ = try queue.capture {}
        }
        #expect(gpu.alive.isEmpty)
    }

    @Test(arguments: ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"])
    func aFailedCaptureLeavesNoGraph(function: String) throws {
        let gpu = try FakeGPU()
        let queue = try gpu.open().makeQueue()
        try gpu.driver.fail(function, code: 1)
        #expect(
            throws: CUDAError.driver(
                function: function, name: "CUDA_ERROR_INVALID_VALUE", message: "a message")
        ) { _ = try queue.capture {} }
        #expect(gpu.driver["graphs"] == 0 && gpu.driver["executables"] == 0)
    }

    @Test func everyFunctionWorksOnThreadsThatHaveNotSeenTheGPU() async throws {
        let gpu = try FakeGPU()
        do {
            let device = try gpu.open()
            let alive = try await Self.onAnotherThread {
                let module = try device.load(Self.source)
                let address = try device.allocate(byteCount: 8)
                let queue = try device.makeQueue()
                let kernel = try module.kernel("none")
                let graph = try queue.capture {
                    try queue.launch(kernel, Launch(grid: (x: 1, y: 1, z: 1), threads: 32, arguments: []))
                }
                try queue.launch(graph)
                try queue.synchronize()
                device.free(address)
                return try device.availableMemory()
            }
            #expect(alive == 1 << 20)
        }
        #expect(gpu.alive.isEmpty)
    }

    private static func onAnotherThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    @Test func tooLargeAnAllocationSaysHowMuchThereIs() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        #expect(throws: CUDAError.outOfMemory(needed: 1 << 21, available: 1 << 20, device: "Fake 0")) {
            try device.allocate(byteCount: 1 << 21)
        }
        try gpu.driver.fail("cuMemAlloc", code: 700)
        #expect(
            throws: CUDAError.driver(
                function: "cuMemAlloc", name: "CUDA_ERROR_ILLEGAL_ADDRESS",
                message: "an illegal memory access was encountered")
        ) { try device.allocate(byteCount: 8) }
        #expect(gpu.driver["memory"] == 0)
    }

    @Test(arguments: [
        "cuStreamCreate", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuMemsetD32Async", "cuStreamSynchronize",
        "cuLaunchKernel", "cuGraphLaunch", "cuCtxSetCurrent", "cuMemGetInfo", "cuModuleGetFunction",
    ])
    func aFailureOfAnyFunctionIsAnErrorAndNothingIsLeft(function: String) throws {
        let gpu = try FakeGPU()
        do {
            let device = try gpu.open()
            let address = try device.allocate(byteCount: 8)
            defer { device.free(address) }
            try gpu.driver.fail(function, code: 700)
            let error = #expect(throws: CUDAError.self) {
                let queue = try device.makeQueue()
                let kernel = try device.load(Self.source).kernel("none")
                _ = try device.availableMemory()
                let graph = try queue.capture {}
                try [UInt8](repeating: 0, count: 8).withUnsafeBytes { try queue.copy($0, to: address) }
                try queue.fillWithZeros(address, byteCount: 8)
                try queue.launch(kernel, Launch(grid: (x: 1, y: 1, z: 1), threads: 32, arguments: []))
                try queue.launch(graph)
                _ = try copy(address, count: 8, by: queue)
            }
            guard case .driver(let name, "CUDA_ERROR_ILLEGAL_ADDRESS", _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(name.hasPrefix(function))
        }
        #expect(gpu.alive.isEmpty)
    }
}
