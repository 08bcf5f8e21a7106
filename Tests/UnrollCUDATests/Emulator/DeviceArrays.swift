import UnrollCUDA

extension Device {
    /// New memory with numbers.
    func array(_ values: [Float]) throws -> DeviceAddress {
        let address = try allocate(byteCount: 4 * values.count)
        try values.withUnsafeBytes { try makeQueue().copy($0, to: address) }
        return address
    }

    /// New memory for so many numbers of 4 bytes.
    func array(count: Int) throws -> DeviceAddress { try allocate(byteCount: 4 * count) }

    /// Compiles one text and finds a kernel in it.
    func kernel(_ name: String, in text: String) throws -> Kernel {
        try load(KernelSource(name: "the kernels of a test", text: text)).kernel(name)
    }
}

extension DeviceQueue {
    /// The numbers at an address, when everything before is done.
    func floats(_ address: DeviceAddress, count: Int) throws -> [Float] {
        try words(address, count: count).map(Float.init(bitPattern:))
    }

    /// The words at an address, when everything before is done.
    func words(_ address: DeviceAddress, count: Int) throws -> [UInt32] {
        var words = [UInt32](repeating: 0, count: count)
        try words.withUnsafeMutableBytes { try copy(address, to: $0) }
        return words
    }

    /// Enqueues a kernel of blocks in one dimension.
    func launch(
        _ kernel: Kernel, blocks: Int = 1, threads: Int, sharedMemory: Int = 0, clusterSize: Int = 1,
        isCooperative: Bool = false, startsEarly: Bool = false, _ arguments: KernelArgument...
    ) throws {
        try launch(
            kernel,
            Launch(
                grid: (blocks, 1, 1), threads: threads, arguments: arguments, sharedMemory: sharedMemory,
                clusterSize: clusterSize, isCooperative: isCooperative, startsEarly: startsEarly))
    }
}
