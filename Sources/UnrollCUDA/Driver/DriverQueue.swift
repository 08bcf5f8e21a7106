/// A stream of the CUDA driver.
final class DriverQueue: DeviceQueue {
    private let context: PrimaryContext
    private let stream: DriverFunctions.Handle?
    /// What is being copied to the device: the driver may read it until it has done so, and the caller's memory may change.
    private var copies: [UnsafeMutableRawBufferPointer] = []
    private var copiedByteCount = 0
    private var isCapturing = false

    /// The bytes of copies that may be kept.
    private static let longestCopies = 64 << 20
    /// CU_STREAM_NON_BLOCKING: other libraries' work on the default stream is not waited for.
    private static let isNonBlocking: UInt32 = 1
    /// CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads call has no effect on what is captured here.
    private static let capturesThread: Int32 = 1

    init(in context: PrimaryContext) throws(CUDAError) {
        var stream: DriverFunctions.Handle?
        try context.call("cuStreamCreate") { $0.cuStreamCreate(&stream, Self.isNonBlocking) }
        self.context = context
        self.stream = stream
    }

    deinit {
        // What was enqueued may still read the copies.
        context.release { $0.cuStreamSynchronize(stream) }
        context.release { $0.cuStreamDestroy(stream) }
        for copy in copies { copy.deallocate() }
    }

    func copy(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws(CUDAError) {
        precondition(!isCapturing, "copies cannot be captured")
        guard !bytes.isEmpty else { return }
        guard bytes.count <= Self.longestCopies else {
            // Waited for instead of copied twice.
            try enqueueCopy(bytes, to: address)
            return try synchronize()
        }
        if copiedByteCount + bytes.count > Self.longestCopies { try synchronize() }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyMemory(from: bytes)
        copies.append(copy)
        copiedByteCount += copy.count
        try enqueueCopy(UnsafeRawBufferPointer(copy), to: address)
    }

    func copy(_ address: DeviceAddress, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError) {
        precondition(!isCapturing, "copies cannot be captured")
        guard !bytes.isEmpty else { return try synchronize() }
        try enqueueCopy(address, to: bytes)
        try synchronize()
    }

    func enqueueCopy(_ address: DeviceAddress, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError) {
        try context.call("cuMemcpyDtoHAsync") {
            $0.cuMemcpyDtoHAsync(bytes.baseAddress, address.bits, bytes.count, stream)
        }
    }

    func enqueueCopy(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws(CUDAError) {
        try context.call("cuMemcpyHtoDAsync") {
            $0.cuMemcpyHtoDAsync(address.bits, bytes.baseAddress, bytes.count, stream)
        }
    }

    func fillWithZeros(_ address: DeviceAddress, byteCount: Int) throws(CUDAError) {
        precondition(byteCount % 4 == 0, "\(byteCount) bytes are no whole number of words")
        guard byteCount > 0 else { return }
        try context.call("cuMemsetD32Async") { $0.cuMemsetD32Async(address.bits, 0, byteCount / 4, stream) }
    }

    func launch(_ kernel: Kernel, _ launch: Launch) throws(CUDAError) {
        try context.prepare(kernel, for: launch)
        var words = launch.arguments.map(\.bits)
        // Outside of the closure, which cannot throw a typed error.
        try context.makeCurrent()
        let functions = context.driver.functions
        let isPlain = launch.attributes.isEmpty
        let result = words.withUnsafeMutableBufferPointer { words in
            let addresses = words.indices.map { UnsafeMutableRawPointer(words.baseAddress?.advanced(by: $0)) }
            guard isPlain else {
                return launch.withConfiguration(stream: stream) {
                    functions.cuLaunchKernelEx($0, kernel.handle, addresses, nil)
                }
            }
            return functions.cuLaunchKernel(
                kernel.handle, launch.grid.x, launch.grid.y, launch.grid.z, UInt32(launch.threads), 1, 1,
                UInt32(launch.sharedMemory), stream, addresses, nil)
        }
        try context.driver.check(result, of: "cuLaunchKernel\(isPlain ? "" : "Ex") of \(kernel.name)")
    }

    func capture(_ body: () throws -> Void) throws -> any DeviceGraph {
        var graph: DriverFunctions.Handle?
        // The executable form is a copy.
        defer { if graph != nil { context.release { $0.cuGraphDestroy(graph) } } }
        try PrimaryContext.exclusively { try collect(body, in: &graph) }
        return try DriverGraph(graph, in: context)
    }

    private func collect(_ body: () throws -> Void, in graph: inout DriverFunctions.Handle?) throws {
        try context.call("cuStreamBeginCapture") { $0.cuStreamBeginCapture(stream, Self.capturesThread) }
        isCapturing = true
        defer { isCapturing = false }
        do {
            try body()
        } catch {
            context.release { $0.cuStreamEndCapture(stream, &graph) }
            throw error
        }
        try context.call("cuStreamEndCapture") { $0.cuStreamEndCapture(stream, &graph) }
    }

    func launch(_ graph: any DeviceGraph) throws(CUDAError) {
        guard let graph = graph as? DriverGraph else {
            preconditionFailure("a graph of another kind of device")
        }
        try context.call("cuGraphLaunch") { $0.cuGraphLaunch(graph.handle, stream) }
    }

    func withStream<Value>(_ body: (OpaquePointer?) -> Value) throws(CUDAError) -> Value {
        try context.makeCurrent()
        return body(stream)
    }

    func isDone() throws(CUDAError) -> Bool {
        try context.makeCurrent()
        let result = context.driver.functions.cuStreamQuery(stream)
        if result == Driver.notReady { return false }
        try context.driver.check(result, of: "cuStreamQuery")
        return true
    }

    func synchronize() throws(CUDAError) {
        try context.call("cuStreamSynchronize") { $0.cuStreamSynchronize(stream) }
        for copy in copies { copy.deallocate() }
        copies = []
        copiedByteCount = 0
    }
}

/// A graph of the CUDA driver that can be launched.
private final class DriverGraph: DeviceGraph {
    let handle: DriverFunctions.Handle?
    private let context: PrimaryContext

    init(_ graph: DriverFunctions.Handle?, in context: PrimaryContext) throws(CUDAError) {
        var handle: DriverFunctions.Handle?
        try context.call("cuGraphInstantiateWithFlags") { $0.cuGraphInstantiate(&handle, graph, 0) }
        self.handle = handle
        self.context = context
    }

    deinit {
        context.release { $0.cuGraphExecDestroy(handle) }
    }
}
