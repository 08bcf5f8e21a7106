/// One GPU: memory, kernels and queues of work, as `CUDAEngine` needs them.
///
/// The CUDA driver is one implementation; the tests have an emulator on the CPU as another, which compiles the same
/// kernels.
package protocol Device: AnyObject, Sendable {
    /// What the device is and has.
    var properties: DeviceProperties { get }

    /// Bytes that can be allocated now.
    func availableMemory() throws(CUDAError) -> Int

    /// Reserves memory, aligned to 256 bytes and with undefined contents.
    ///
    /// - Throws: `CUDAError.outOfMemory`, or another failure of the driver.
    func allocate(byteCount: Int) throws(CUDAError) -> DeviceAddress

    /// Gives memory back after all work that was enqueued has finished.
    func free(_ address: DeviceAddress)

    /// Reserves memory of the host, with undefined contents, to and from which the device copies by itself.
    ///
    /// - Throws: `CUDAError.memoryInUse`, or another failure of the driver.
    func allocatePinned(byteCount: Int) throws(CUDAError) -> UnsafeMutableRawPointer

    /// Gives memory of the host back after all work that was enqueued has finished.
    func freePinned(_ memory: UnsafeMutableRawPointer)

    /// Compiles kernels, or finds them compiled, and loads them.
    ///
    /// - Throws: `CUDAError` when there is no compiler, or it refuses the source.
    func load(_ source: KernelSource) throws(CUDAError) -> any KernelModule

    /// Makes a queue of work, which runs in the order in which it is enqueued.
    func makeQueue() throws(CUDAError) -> any DeviceQueue

    /// How many clusters of a launch can run at the same time.
    ///
    /// - Returns: 0 if not even one can.
    func activeClusters(of kernel: Kernel, _ launch: Launch) throws(CUDAError) -> Int

    /// How many blocks of a launch can run at the same time, which is what a cooperative one may have.
    ///
    /// - Returns: 0 if not even one can.
    func activeBlocks(of kernel: Kernel, _ launch: Launch) throws(CUDAError) -> Int
}

/// What a device is and has.
package struct DeviceProperties: Sendable, Hashable {
    /// The name, such as "NVIDIA H200".
    package var name: String
    /// The number by which it was asked for, from 0.
    package var index: Int
    /// The compute capability, such as (9, 0).
    package var capability: ComputeCapability
    /// All of its memory in bytes.
    package var memory: Int
    /// The multiprocessors, each of which runs one block or more at a time.
    package var multiprocessors: Int
    /// The most bytes of shared memory that a block can have.
    package var sharedMemory: Int
    /// What tells it from all other devices, of this machine and of others; empty if that is not known.
    package var uuid: [UInt8]

    /// Collects the facts.
    package init(
        name: String, index: Int, capability: ComputeCapability, memory: Int, multiprocessors: Int,
        sharedMemory: Int, uuid: [UInt8] = []
    ) {
        self.name = name
        self.index = index
        self.capability = capability
        self.memory = memory
        self.multiprocessors = multiprocessors
        self.sharedMemory = sharedMemory
        self.uuid = uuid
    }

    /// Whether blocks can form clusters, and kernels start before the one before has ended.
    package var hasClusters: Bool { capability >= ComputeCapability(9, 0) }
}

/// The version of a GPU's instruction set.
package struct ComputeCapability: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    /// A version.
    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// As "9.0".
    package var description: String { "\(major).\(minor)" }

    package static func < (left: ComputeCapability, right: ComputeCapability) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

/// A place in the device's memory.
package struct DeviceAddress: Sendable, Hashable {
    package var bits: UInt64

    package init(bits: UInt64) {
        self.bits = bits
    }

    /// The place so many bytes further on.
    package static func + (address: DeviceAddress, byteCount: Int) -> DeviceAddress {
        DeviceAddress(bits: address.bits + UInt64(byteCount))
    }

    /// Bytes from an earlier place to this one.
    package func distance(from earlier: DeviceAddress) -> Int { Int(bits - earlier.bits) }
}

/// Kernels that have been compiled together.
package protocol KernelModule: AnyObject, Sendable {
    /// Finds a kernel by its name.
    ///
    /// - Throws: `CUDAError` when the module has none of this name.
    func kernel(_ name: String) throws(CUDAError) -> Kernel
}

/// A compiled kernel, valid while its module lives.
package struct Kernel: @unchecked Sendable {
    /// The name, for errors.
    package let name: String
    /// The function as the device knows it; never read or written through.
    package let handle: OpaquePointer

    package init(name: String, handle: OpaquePointer) {
        self.name = name
        self.handle = handle
    }
}

/// How many blocks of how many threads run a kernel, and with which arguments.
package struct Launch: Sendable, Hashable {
    /// Blocks, in up to three dimensions.
    package var grid: SIMD3<UInt32>
    /// Threads of a block, a multiple of 32.
    package var threads: Int
    /// One for each parameter of the kernel.
    package var arguments: [KernelArgument]
    /// Bytes of dynamic shared memory of a block.
    package var sharedMemory: Int
    /// Blocks of a cluster, which are neighbors along x and run at the same time: 1, 2, 4, 8 or 16.
    ///
    /// More than one need `DeviceProperties.hasClusters`.
    package var clusterSize: Int
    /// Whether all blocks run at the same time, so that they may wait for each other.
    package var isCooperative: Bool
    /// Whether it may start before the kernel that was enqueued before it has ended.
    ///
    /// That needs `DeviceProperties.hasClusters`. All blocks must then call `wait_for_earlier_kernels()` before they touch
    /// memory that an earlier kernel writes or reads.
    package var startsEarly: Bool

    package init(
        grid: (x: Int, y: Int, z: Int), threads: Int, arguments: [KernelArgument], sharedMemory: Int = 0,
        clusterSize: Int = 1, isCooperative: Bool = false, startsEarly: Bool = false
    ) {
        self.grid = [UInt32(grid.x), UInt32(grid.y), UInt32(grid.z)]
        self.threads = threads
        self.arguments = arguments
        self.sharedMemory = sharedMemory
        self.clusterSize = clusterSize
        self.isCooperative = isCooperative
        self.startsEarly = startsEarly
    }
}

/// An argument of a kernel.
package enum KernelArgument: Sendable, Hashable {
    /// A pointer.
    case address(DeviceAddress)
    /// A null pointer.
    case null
    /// An `int`.
    case int(Int)
    /// A `float`.
    case float(Float)

    /// The argument in the low bytes of a word.
    package var bits: UInt64 {
        switch self {
        case .address(let address): address.bits
        case .null: 0
        case .int(let value): UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: value)))
        case .float(let value): UInt64(value.bitPattern)
        }
    }
}

/// Work for the device, done in the order in which it is enqueued; one task at a time uses a queue.
package protocol DeviceQueue: AnyObject {
    /// Enqueues a copy to the device; the host's memory may change as soon as this returns.
    func copy(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws(CUDAError)

    /// Copies from the device, and waits until this and everything before is done.
    func copy(_ address: DeviceAddress, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError)

    /// Enqueues a copy to memory that ``Device/allocatePinned(byteCount:)`` has given.
    func enqueueCopy(_ address: DeviceAddress, to bytes: UnsafeMutableRawBufferPointer) throws(CUDAError)

    /// Enqueues a copy from such memory, which must stay as it is until that is done.
    func enqueueCopy(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws(CUDAError)

    /// Enqueues zeros for memory; the number of bytes is a multiple of 4.
    func fillWithZeros(_ address: DeviceAddress, byteCount: Int) throws(CUDAError)

    /// Enqueues a kernel.
    func launch(_ kernel: Kernel, _ launch: Launch) throws(CUDAError)

    /// Collects what `body` enqueues as a graph instead of running it; in it, nothing may be copied, allocated or freed.
    func capture(_ body: () throws -> Void) throws -> any DeviceGraph

    /// Enqueues everything that a graph has collected.
    func launch(_ graph: any DeviceGraph) throws(CUDAError)

    /// Calls another library of CUDA, which enqueues work by itself.
    ///
    /// - Parameter body: Gets the queue as a `cudaStream_t`, nil if it is none; the device is the one that the library finds
    ///   to be the current one.
    /// - Returns: What `body` returns.
    /// - Throws: `CUDAError` when the device cannot be made the current one.
    func withStream<Value>(_ body: (_ stream: OpaquePointer?) -> Value) throws(CUDAError) -> Value

    /// Whether everything that was enqueued is done.
    ///
    /// - Throws: `CUDAError` when something that was enqueued has failed.
    func isDone() throws(CUDAError) -> Bool

    /// Waits until everything that was enqueued is done.
    ///
    /// - Throws: `CUDAError` when something that was enqueued has failed.
    func synchronize() throws(CUDAError)
}

/// Work that was collected once and can be enqueued as a whole, on the queue that collected it.
package protocol DeviceGraph: AnyObject {}
