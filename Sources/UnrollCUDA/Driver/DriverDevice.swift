import Foundation
import UnrollBase

/// A GPU by way of the CUDA driver, with NVRTC as the compiler.
package final class DriverDevice: Device {
    package let properties: DeviceProperties
    private let context: PrimaryContext
    private let compiler: KernelCompiler

    /// The least compute capability of GPUs that kernels are written for.
    private static let neededCapability = ComputeCapability(7, 5)

    private init(_ parts: Parts) throws(CUDAError) {
        properties = parts.properties
        compiler = parts.compiler
        context = try PrimaryContext(of: parts.number, driver: parts.driver)
    }

    /// Makes a GPU ready for work.
    ///
    /// - Parameters:
    ///   - index: The number of the GPU, from 0.
    ///   - environment: The environment variables. `UNROLL_CUDA_DRIVER` is the path of a driver in place of the system's,
    ///     and `UNROLL_NVRTC` that of NVRTC or its folder. `UNROLL_CUDA_WATCHDOG` is after how many seconds, in
    ///     0.001...3600, a kernel that waits for other blocks ends with an error. Default: those of this process.
    /// - Returns: The GPU, which is held until the last reference to it, its queues and its modules goes.
    /// - Throws: Every `CUDAError` but `compilation`. A machine without NVRTC is an error here, even where all kernels may
    ///   have been compiled before: whether a GPU can be used does not depend on what a cache happens to have.
    package static func open(
        index: Int, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CUDAError) -> DriverDevice {
        try DriverDevice(Parts(index: index, environment: environment))
    }

    /// Finds out whether `open` can be expected to succeed, without claiming anything of the GPU.
    ///
    /// - Returns: What the GPU is.
    /// - Throws: `CUDAError`, the reason why it cannot be used.
    package static func probe(
        index: Int = 0, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CUDAError) -> DeviceProperties {
        try Parts(index: index, environment: environment).properties
    }

    /// All that is needed to use a GPU.
    private struct Parts {
        let driver: Driver
        let number: DriverFunctions.DeviceNumber
        let properties: DeviceProperties
        let compiler: KernelCompiler

        init(index: Int, environment: [String: String]) throws(CUDAError) {
            driver = try Driver(environment: environment)
            (number, properties) = try driver.device(at: index)
            guard properties.capability >= neededCapability else {
                throw .unsupportedDevice(
                    name: properties.name, capability: properties.capability.description,
                    needed: neededCapability.description)
            }
            let found = try NVRTCSearch.find(
                in: environment, driver: driver.version, capability: properties.capability)
            compiler = KernelCompiler(
                nvrtc: found.nvrtc, architecture: found.architecture,
                watchdog: try KernelCompiler.watchdog(in: environment),
                cache: CubinCache(environment: environment))
        }
    }

    package func availableMemory() throws(CUDAError) -> Int {
        var (available, total) = (0, 0)
        try context.call("cuMemGetInfo") { $0.cuMemGetInfo(&available, &total) }
        return available
    }

    package func allocate(byteCount: Int) throws(CUDAError) -> DeviceAddress {
        var address: DriverFunctions.Address = 0
        try context.makeCurrent()
        // The driver has no memory of no bytes.
        let result = context.driver.functions.cuMemAlloc(&address, max(byteCount, 1))
        if result == Driver.outOfMemory {
            throw .outOfMemory(
                needed: byteCount, available: try availableMemory(), device: properties.name)
        }
        try context.driver.check(result, of: "cuMemAlloc")
        return DeviceAddress(bits: address)
    }

    package func free(_ address: DeviceAddress) {
        PrimaryContext.exclusively {
            context.release { $0.cuCtxSynchronize() }
            context.release { $0.cuMemFree(address.bits) }
        }
    }

    package func allocatePinned(byteCount: Int) throws(CUDAError) -> UnsafeMutableRawPointer {
        var memory: UnsafeMutableRawPointer?
        try context.call("cuMemHostAlloc") { $0.cuMemHostAlloc(&memory, max(byteCount, 1), 0) }
        guard let memory else { throw .memoryInUse(function: "cuMemHostAlloc") }
        return memory
    }

    package func freePinned(_ memory: UnsafeMutableRawPointer) {
        PrimaryContext.exclusively {
            context.release { $0.cuCtxSynchronize() }
            context.release { $0.cuMemFreeHost(memory) }
        }
    }

    package func load(_ source: KernelSource) throws(CUDAError) -> any KernelModule {
        if let cubin = compiler.cachedCubin(for: source) {
            do throws(CUDAError) {
                return try DriverModule(cubin, in: context)
            } catch  where DriverModule.isRefusal(error) {
                // The driver has changed: the file is replaced.
            }
        }
        return try DriverModule(compiler.compile(source), in: context)
    }

    package func makeQueue() throws(CUDAError) -> any DeviceQueue {
        try DriverQueue(in: context)
    }

    package func activeClusters(of kernel: Kernel, _ launch: Launch) throws(CUDAError) -> Int {
        try context.prepare(kernel, for: launch)
        try context.makeCurrent()
        var count: Int32 = 0
        let result = launch.withConfiguration(stream: nil) {
            context.driver.functions.cuOccupancyMaxActiveClusters(&count, kernel.handle, $0)
        }
        // Not every GPU that has clusters has those of 16 blocks.
        if result == Driver.invalidClusterSize { return 0 }
        try context.driver.check(result, of: "cuOccupancyMaxActiveClusters of \(kernel.name)")
        return Int(count)
    }

    package func activeBlocks(of kernel: Kernel, _ launch: Launch) throws(CUDAError) -> Int {
        try context.prepare(kernel, for: launch)
        var count: Int32 = 0
        try context.call("cuOccupancyMaxActiveBlocksPerMultiprocessor of \(kernel.name)") {
            $0.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                &count, kernel.handle, Int32(launch.threads), launch.sharedMemory)
        }
        return Int(count) * properties.multiprocessors
    }
}
