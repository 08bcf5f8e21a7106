import Foundation
import Synchronization
import UnrollCUDA

/// A GPU for tests: kernels are compiled for the CPU and run when they are enqueued.
///
/// Memory that nothing has written is not a number, writes past an allocation are found, and with a seed threads and
/// blocks run in orders in which a missing barrier shows. `fibers.hpp` says how. What goes wrong in a kernel is thrown
/// by the next call that waits for the queue, as with the driver.
final class EmulatedDevice: Device {
    /// Whether there is a C++ compiler for kernels.
    static var isAvailable: Bool { EmulatorCompiler.shared != nil }

    /// Whether indices out of the range of an array and pointers that are not aligned are found.
    static var findsErrorsOfCode: Bool { EmulatorCompiler.shared?.hasChecks ?? false }

    let properties: DeviceProperties
    /// The allocations.
    let memory: EmulatedMemory
    private let state = Mutex(State())

    private struct State {
        var seed: UInt64 = 0
        var launches: [String: Int] = [:]
        var launchCount: UInt64 = 0
        var captures = 0
    }

    /// Changes the text of kernels before they are compiled.
    private let edit: @Sendable (String) -> String

    /// A device with so many bytes of memory; threads and blocks run in order if the seed is 0.
    ///
    /// Without a UUID, processes take theirs for one and the same.
    init(
        memory: Int = 1 << 30, seed: UInt64 = 0, capability: ComputeCapability = ComputeCapability(9, 0),
        multiprocessors: Int = 132, uuid: [UInt8] = [], edit: @escaping @Sendable (String) -> String = { $0 }
    ) {
        self.edit = edit
        properties = DeviceProperties(
            name: "the emulator", index: 0, capability: capability, memory: memory,
            multiprocessors: multiprocessors,
            sharedMemory: 227 << 10, uuid: uuid)
        self.memory = EmulatedMemory(limit: memory, device: properties.name)
        state.withLock { $0.seed = seed }
    }

    /// How often each kernel has run, by its name.
    var launches: [String: Int] { state.withLock { $0.launches } }

    /// From which the order of threads and blocks is drawn; they run in order if it is 0.
    var seed: UInt64 {
        get { state.withLock { $0.seed } }
        set { state.withLock { $0.seed = newValue } }
    }

    func availableMemory() throws(CUDAError) -> Int { memory.available }

    func allocate(byteCount: Int) throws(CUDAError) -> DeviceAddress {
        try refuseWhileCapturing("cuMemAlloc")
        return try memory.allocate(byteCount: byteCount)
    }

    func free(_ address: DeviceAddress) { memory.free(address) }

    func allocatePinned(byteCount: Int) throws(CUDAError) -> UnsafeMutableRawPointer {
        try refuseWhileCapturing("cuMemHostAlloc")
        return .allocate(byteCount: max(byteCount, 1), alignment: 16)
    }

    func freePinned(_ memory: UnsafeMutableRawPointer) { memory.deallocate() }

    func load(_ source: KernelSource) throws(CUDAError) -> any KernelModule {
        try refuseWhileCapturing("cuModuleLoadData")
        let edited = KernelSource(name: source.name, text: edit(source.text))
        return EmulatedModule(library: try EmulatedLibrary.shared(for: edited))
    }

    func makeQueue() throws(CUDAError) -> any DeviceQueue { EmulatedQueue(device: self) }

    func activeClusters(of kernel: Kernel, _ launch: Launch) throws(CUDAError) -> Int {
        try check(launch)
        // Clusters do not go beyond groups of multiprocessors, which have 16 and a few more.
        return properties.multiprocessors / 16 * 16 / launch.clusterSize
    }

    func activeBlocks(of kernel: Kernel, _ launch: Launch) throws(CUDAError) -> Int {
        try check(launch)
        // One on each, as for cooperative launches.
        return properties.multiprocessors
    }

    /// Refuses a launch that the GPU cannot run; the kernel refuses what depends on it.
    func check(_ launch: Launch) throws(CUDAError) {
        if launch.clusterSize > 1 || launch.startsEarly, !properties.hasClusters {
            throw .invalid("cuLaunchKernel", "clusters and early starts need compute capability 9.0")
        }
        if launch.sharedMemory > properties.sharedMemory {
            throw .invalid("cuLaunchKernel", "\(launch.sharedMemory) bytes of shared memory")
        }
        // One on each, as a kernel may need all registers.
        if launch.isCooperative, launch.blockCount > properties.multiprocessors {
            throw .driver(
                function: "cuLaunchKernel", name: "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE",
                message: "\(launch.blockCount) blocks for \(properties.multiprocessors) multiprocessors")
        }
    }

    /// Counts a launch and draws the seed of its order.
    func seedOfNextLaunch(of kernel: String) -> UInt64 {
        state.withLock { state in
            state.launches[kernel, default: 0] += 1
            state.launchCount += 1
            return state.seed == 0 ? 0 : state.seed &* 0x9e37_79b9_7f4a_7c15 &+ state.launchCount
        }
    }

    /// Says that a queue begins or ends a capture.
    func countCaptures(_ change: Int) { state.withLock { $0.captures += change } }

    /// Refuses what the driver refuses while a queue captures.
    private func refuseWhileCapturing(_ function: String) throws(CUDAError) {
        guard state.withLock({ $0.captures == 0 }) else { throw .duringCapture(function) }
    }
}

extension CUDAError {
    /// The driver refuses arguments.
    static func invalid(_ function: String, _ message: String) -> CUDAError {
        .driver(function: function, name: "CUDA_ERROR_INVALID_VALUE", message: message)
    }

    /// The driver refuses a call while a queue captures.
    static func duringCapture(_ function: String) -> CUDAError {
        .driver(
            function: function, name: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
            message: "operation not permitted when stream is capturing")
    }
}
