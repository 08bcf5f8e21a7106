import Synchronization

/// `CUlaunchConfig`, which the driver gets of a launch beside the kernel and its arguments.
///
/// Written by hand, as the types of functions are: Swift has properties in their order and aligned as C does. A test compares
/// their places with those of CUDA's header.
package struct LaunchConfiguration {
    /// Blocks along x, y and z, and threads of a block.
    package var blocks: (UInt32, UInt32, UInt32)
    package var threads: (UInt32, UInt32, UInt32)
    /// Bytes of dynamic shared memory.
    package var sharedMemory: UInt32
    package var stream: DriverFunctions.Handle?
    package var attributes: UnsafeMutablePointer<LaunchAttribute>?
    package var attributeCount: UInt32
}

/// `CUlaunchAttribute`: a number that says what it is, and a union of 64 bytes.
package struct LaunchAttribute: Sendable {
    package var number: UInt32
    package var value: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    /// An attribute whose value is in the first bytes.
    private init(_ number: UInt32, _ first: UInt64, _ second: UInt64 = 0) {
        self.number = number
        value = (first, second, 0, 0, 0, 0, 0, 0)
    }

    /// CU_LAUNCH_ATTRIBUTE_COOPERATIVE.
    static let cooperative = LaunchAttribute(2, 1)
    /// CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION: blocks along x, y and z.
    static func cluster(_ size: Int) -> LaunchAttribute { LaunchAttribute(4, UInt64(size) | 1 << 32, 1) }
    /// CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION.
    static let startsEarly = LaunchAttribute(6, 1)
}

extension Launch {
    /// What is particular to it, none for most launches.
    var attributes: [LaunchAttribute] {
        var attributes: [LaunchAttribute] = []
        if clusterSize > 1 { attributes.append(.cluster(clusterSize)) }
        if isCooperative { attributes.append(.cooperative) }
        if startsEarly { attributes.append(.startsEarly) }
        return attributes
    }

    /// Calls a function of the driver that takes a `CUlaunchConfig`, which is valid until it returns.
    func withConfiguration(
        stream: DriverFunctions.Handle?, _ body: (UnsafeRawPointer) -> DriverFunctions.Result
    ) -> DriverFunctions.Result {
        var attributes = attributes
        return attributes.withUnsafeMutableBufferPointer { attributes in
            var configuration = LaunchConfiguration(
                blocks: (grid.x, grid.y, grid.z), threads: (UInt32(threads), 1, 1),
                sharedMemory: UInt32(sharedMemory), stream: stream, attributes: attributes.baseAddress,
                attributeCount: UInt32(attributes.count))
            return withUnsafePointer(to: &configuration) { body(UnsafeRawPointer($0)) }
        }
    }
}

extension PrimaryContext {
    /// CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
    private static let largestSharedMemory: Int32 = 8
    /// CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED: not every GPU with clusters has those of 16 blocks.
    private static let allowsLargeClusters: Int32 = 14
    private static let portableClusterSize = 8
    private static let preparations = Mutex(())

    /// Allows a kernel the shared memory and the clusters of a launch, also while a stream captures.
    ///
    /// What was allowed before stays, as other queues and graphs may launch the same kernel.
    func prepare(_ kernel: Kernel, for launch: Launch) throws(CUDAError) {
        if launch.sharedMemory > 0 {
            try Self.preparations.withLock { _ throws(CUDAError) in
                var allowed: Int32 = 0
                try call("cuFuncGetAttribute of \(kernel.name)") {
                    $0.cuFuncGetAttribute(&allowed, Self.largestSharedMemory, kernel.handle)
                }
                guard launch.sharedMemory > allowed else { return }
                try allow(Int32(launch.sharedMemory), Self.largestSharedMemory, of: kernel)
            }
        }
        if launch.clusterSize > Self.portableClusterSize {
            try allow(1, Self.allowsLargeClusters, of: kernel)
        }
    }

    private func allow(_ value: Int32, _ attribute: Int32, of kernel: Kernel) throws(CUDAError) {
        try call("cuFuncSetAttribute of \(kernel.name)") {
            $0.cuFuncSetAttribute(kernel.handle, attribute, value)
        }
    }
}
