import Testing
import UnrollCUDA

/// Memory, queues and graphs of the emulator, and what it refuses.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EmulatedDeviceTests {
    private static let text = """
        KERNEL(32, add, (float* y, float value)) { y[threadIdx.x] += value; }
        KERNEL(32, write, (float* y, int at)) { y[at] = 1; }
        KERNEL(32, local, (float* y, int at)) {
            SHARED float x[32];
            float z[4] = {};
            x[threadIdx.x + at] = 1;
            __syncthreads();
            y[threadIdx.x] = x[threadIdx.x] + z[at];
        }
        KERNEL(32, wide, (Float4* y)) { y[0].x = 1; }
        """

    private let device = EmulatedDevice(memory: 1 << 20)

    @Test func aGraphDoesItsWorkAtEachLaunch() throws {
        let queue = EmulatedQueue(device: device), y = try device.array(count: 32)
        let kernel = try device.kernel("add", in: Self.text)
        let graph = try queue.capture {
            try queue.fillWithZeros(y, byteCount: 128)
            try queue.launch(kernel, threads: 32, .address(y), .float(2))
            try queue.launch(kernel, threads: 32, .address(y), .float(3))
        }
        #expect(try queue.floats(y, count: 32).allSatisfy(\.isNaN))
        #expect(queue.launches.isEmpty)
        for _ in 0..<3 { try queue.launch(graph) }
        #expect(try queue.floats(y, count: 32).allSatisfy { $0 == 5 })
        #expect(queue.launches == ["add": 6])
        #expect(device.launches == ["add": 6])
        #expect(throws: CUDAError.self) { try device.makeQueue().launch(graph) }
    }

    @Test func whileAQueueCapturesCopiesAndAllocationsAreRefused() throws {
        let queue = try device.makeQueue(), y = try device.array(count: 32)
        #expect(throws: CUDAError.duringCapture("cuMemcpyDtoHAsync")) {
            try queue.capture { _ = try queue.floats(y, count: 32) }
        }
        #expect(throws: CUDAError.duringCapture("cuMemcpyHtoDAsync")) {
            try queue.capture { try [1, 2].withUnsafeBytes { try queue.copy($0, to: y) } }
        }
        #expect(throws: CUDAError.duringCapture("cuMemAlloc")) {
            try queue.capture { _ = try device.array(count: 1) }
        }
        #expect(throws: CUDAError.duringCapture("cuStreamSynchronize")) {
            try queue.capture { try queue.synchronize() }
        }
        #expect(throws: CUDAError.duringCapture("cuStreamBeginCapture")) {
            try queue.capture { _ = try queue.capture {} }
        }
        _ = try queue.floats(y, count: 32)
    }

    @Test func memoryIsCountedAndLimited() throws {
        let x = try device.allocate(byteCount: 1 << 19)
        #expect(x.bits.isMultiple(of: 256))
        #expect(try device.availableMemory() == 1 << 19)
        #expect(throws: CUDAError.outOfMemory(needed: 600_000, available: 1 << 19, device: "the emulator")) {
            try device.allocate(byteCount: 600_000)
        }
        let y = try device.allocate(byteCount: 1 << 19)
        #expect(device.memory.liveAllocations == 2)
        device.free(x)
        device.free(y)
        device.memory.limit = 100
        #expect(throws: CUDAError.self) { try device.allocate(byteCount: 101) }
        #expect(device.memory.allocatedBytes == 0)
        #expect(device.memory.allocationCount == 2)
        try device.memory.check()
        device.free(y)
        #expect(throws: CUDAError.self) { try device.memory.check() }
    }

    @Test(arguments: [32, -1, 1000])
    func writesPastAnAllocationAreFound(index: Int) throws {
        let queue = try device.makeQueue(), y = try device.array(count: 32)
        try queue.launch(try device.kernel("write", in: Self.text), threads: 32, .address(y), .int(index))
        let error = #expect(throws: CUDAError.self) { try queue.synchronize() }
        #expect(error?.description.contains("byte \(index * 4) of an allocation of 128 bytes") == true)
        device.free(y)
        #expect(throws: CUDAError.self) { try queue.synchronize() }
    }

    @Test func copiesStayWithinAnAllocation() throws {
        let queue = try device.makeQueue(), y = try device.array(count: 32)
        #expect(throws: CUDAError.self) { try queue.floats(y + 4, count: 32) }
        #expect(throws: CUDAError.self) { try queue.fillWithZeros(y, byteCount: 132) }
        #expect(throws: CUDAError.self) { try queue.fillWithZeros(y, byteCount: 2) }
        try queue.fillWithZeros(y + 4, byteCount: 124)
        #expect(try queue.floats(y, count: 32).filter { $0 == 0 }.count == 31)
        device.free(y)
        #expect(throws: CUDAError.self) { try queue.floats(y, count: 1) }
    }

    @Test func argumentsAreThoseOfTheKernel() throws {
        let queue = try device.makeQueue(), y = try device.array(count: 32)
        let kernel = try device.kernel("add", in: Self.text)
        for arguments in [[], [.address(y), .int(1)], [.address(y)], [.float(1), .float(1)]]
            as [[KernelArgument]]
        {
            #expect(throws: CUDAError.self) {
                try queue.launch(kernel, Launch(grid: (1, 1, 1), threads: 32, arguments: arguments))
            }
        }
        for (blocks, threads) in [(1, 0), (1, 31), (1, 64), (0, 32)] {
            #expect(throws: CUDAError.self) {
                try queue.launch(kernel, blocks: blocks, threads: threads, .address(y), .float(1))
            }
        }
        device.free(y)
        #expect(throws: CUDAError.self) { try queue.launch(kernel, threads: 32, .address(y), .float(1)) }
        #expect(throws: CUDAError.self) { try device.kernel("subtract", in: Self.text) }
    }

    @Test(.enabled(if: EmulatedDevice.findsErrorsOfCode, "the compiler is not clang++"))
    func indicesAndPointersOutOfPlaceAreFound() throws {
        let y = try device.array(count: 32)
        let cases: [(name: String, arguments: [KernelArgument], message: String)] = [
            (
                "local", [.address(y), .int(1)],
                "line 6:5 of the kernels of a test: the index 32 is out of range"
            ),
            ("local", [.address(y), .int(-1)], "the index 4294967295 is out of range"),
            ("wide", [.address(y + 4)], "a pointer is not aligned for its type"),
            ("wide", [.null], "a pointer is null"),
        ]
        for (name, arguments, message) in cases {
            let queue = try device.makeQueue(), kernel = try device.kernel(name, in: Self.text)
            try queue.launch(kernel, Launch(grid: (1, 1, 1), threads: 32, arguments: arguments))
            let error = #expect(throws: CUDAError.self) { try queue.synchronize() }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func whatTheCompilerPrintsIsPartOfTheError() throws {
        let source = KernelSource(
            name: "the kernels of a typo", text: "\nKERNEL(32, typo, (float* y)) { y[0] = z; }\n")
        let error = #expect(throws: CUDAError.self) { try device.load(source) }
        guard case .compilation(let name, let log) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(name == source.name)
        #expect(log.contains("the kernels of a typo:2:"))
    }
}
