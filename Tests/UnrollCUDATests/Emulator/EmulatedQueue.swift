import Synchronization
import UnrollCUDA

/// A queue of an emulated device, which does everything at once.
///
/// With a seed, a kernel of a graph that starts early may run up to `wait_for_earlier_kernels()` before the kernels before it
/// have begun, so that what it touches too early shows.
final class EmulatedQueue: DeviceQueue {
    /// How often this queue has run each kernel, by its name.
    private(set) var launches: [String: Int] = [:]
    private let device: EmulatedDevice
    private var recording: [EmulatedGraph.Operation]?
    /// Why a kernel failed, which ends the queue.
    private var failure: CUDAError?
    /// Launches that start early hold several libraries, and would wait for each other.
    private static let earlyStarts = Mutex(())

    /// An empty queue.
    init(device: EmulatedDevice) {
        self.device = device
    }

    func copy(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws(CUDAError) {
        try refuseWhileCapturing("cuMemcpyHtoDAsync")
        try throwFailure()
        try device.memory.bytes(address, byteCount: bytes.count, for: "cuMemcpyHtoDAsync").copyMemory(
            from: bytes)
    }

    func copy(_ address: DeviceAddress, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError) {
        try refuseWhileCapturing("cuMemcpyDtoHAsync")
        try synchronize()
        let source = try device.memory.bytes(address, byteCount: bytes.count, for: "cuMemcpyDtoHAsync")
        bytes.copyMemory(from: UnsafeRawBufferPointer(source))
    }

    func enqueueCopy(_ address: DeviceAddress, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError) {
        try copy(address, to: bytes)
    }

    func enqueueCopy(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws(CUDAError) {
        try copy(bytes, to: address)
    }

    func fillWithZeros(_ address: DeviceAddress, byteCount: Int) throws(CUDAError) {
        guard byteCount.isMultiple(of: 4), address.bits.isMultiple(of: 4) else {
            throw .invalid(
                "cuMemsetD32Async", "\(byteCount) bytes at \(address.bits) are not whole words")
        }
        _ = try device.memory.bytes(address, byteCount: byteCount, for: "cuMemsetD32Async")
        try enqueue(.zeros(address, byteCount: byteCount))
    }

    func launch(_ kernel: Kernel, _ launch: Launch) throws(CUDAError) {
        try enqueue(.launch(kernel, launch))
    }

    func capture(_ body: () throws -> Void) throws -> any DeviceGraph {
        try refuseWhileCapturing("cuStreamBeginCapture")
        recording = []
        device.countCaptures(1)
        defer {
            recording = nil
            device.countCaptures(-1)
        }
        try body()
        return EmulatedGraph(operations: recording ?? [], queue: self)
    }

    func launch(_ graph: any DeviceGraph) throws(CUDAError) {
        try refuseWhileCapturing("cuGraphLaunch")
        guard let graph = graph as? EmulatedGraph, graph.queue === self else {
            throw .invalid("cuGraphLaunch", "another queue has collected this graph")
        }
        var rest = graph.operations[...]
        while let first = rest.popFirst() {
            var chain = [first]
            // Each kernel of a chain runs within the one after it.
            while first.isLaunch, chain.count < Self.longestChain, let next = rest.first, next.startsEarly {
                chain.append(rest.removeFirst())
            }
            if chain.count == 1 {
                try run(first)
            } else {
                try Self.earlyStarts.withLock { _ throws(CUDAError) in try run(chain[...]) }
            }
        }
    }

    /// Runs kernels of which all but the first start early: the last one first, which runs the others.
    private func run(_ chain: ArraySlice<EmulatedGraph.Operation>) throws(CUDAError) {
        try throwFailure()
        guard chain.count > 1, case .launch(let kernel, let launch)? = chain.last else {
            for operation in chain { try run(operation) }
            return
        }
        var failure: CUDAError?
        try run(kernel, launch) {
            do throws(CUDAError) {
                try self.run(chain.dropLast())
            } catch {
                failure = error
            }
            return failure == nil && self.failure == nil
        }
        if let failure { throw failure }
    }

    /// Everything has been done, so that a library need not wait for this queue.
    func withStream<Value>(_ body: (OpaquePointer?) -> Value) throws(CUDAError) -> Value {
        try refuseWhileCapturing("cuCtxSetCurrent")
        return body(nil)
    }

    func isDone() throws(CUDAError) -> Bool {
        try synchronize()
        return true
    }

    func synchronize() throws(CUDAError) {
        try refuseWhileCapturing("cuStreamSynchronize")
        try throwFailure()
        try device.memory.check()
    }

    private static let longestChain = 4

    private func enqueue(_ operation: EmulatedGraph.Operation) throws(CUDAError) {
        if recording != nil {
            recording?.append(operation)
        } else {
            try run(operation)
        }
    }

    private func run(_ operation: EmulatedGraph.Operation) throws(CUDAError) {
        try throwFailure()
        switch operation {
        case .zeros(let address, let byteCount):
            let bytes = try device.memory.bytes(address, byteCount: byteCount, for: "cuMemsetD32Async")
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
        case .launch(let kernel, let launch):
            try run(kernel, launch)
        }
    }

    private func run(
        _ kernel: Kernel, _ launch: Launch, after earlier: (() -> Bool)? = nil
    ) throws(CUDAError) {
        for case .address(let address) in launch.arguments {
            _ = try device.memory.bytes(address, byteCount: 0, for: "cuLaunchKernel")
        }
        try device.check(launch)
        launches[kernel.name, default: 0] += 1
        let seed = device.seedOfNextLaunch(of: kernel.name)
        switch EmulatedLibrary.run(kernel, launch, seed: seed, after: earlier) {
        case .finished: break
        case .refused(let message): throw .invalid("cuLaunchKernel", message)
        case .failed(let message):
            failure =
                failure
                ?? .driver(
                    function: "cuLaunchKernel", name: "CUDA_ERROR_LAUNCH_FAILED", message: message)
        }
    }

    private func throwFailure() throws(CUDAError) {
        if let failure { throw failure }
    }

    private func refuseWhileCapturing(_ function: String) throws(CUDAError) {
        if recording != nil { throw .duringCapture(function) }
    }
}

/// What a queue has collected.
final class EmulatedGraph: DeviceGraph {
    /// Work that can be collected.
    enum Operation {
        case zeros(DeviceAddress, byteCount: Int)
        case launch(Kernel, Launch)

        var isLaunch: Bool { if case .launch = self { true } else { false } }
        var startsEarly: Bool { if case .launch(_, let launch) = self { launch.startsEarly } else { false } }
    }

    /// In the order in which it was enqueued.
    let operations: [Operation]
    /// The queue that collected it; the graph does not keep it.
    private(set) weak var queue: EmulatedQueue?

    /// The work of a queue.
    init(operations: [Operation], queue: EmulatedQueue) {
        self.operations = operations
        self.queue = queue
    }
}
