/// Memory of a device, which is given back when the last reference to it goes.
package final class DeviceMemory: Sendable {
    /// Where it begins.
    package let address: DeviceAddress
    /// Its size.
    package let byteCount: Int
    private let device: any Device

    /// Reserves memory with undefined contents.
    package init(byteCount: Int, on device: any Device) throws(CUDAError) {
        address = try device.allocate(byteCount: byteCount)
        self.byteCount = byteCount
        self.device = device
    }

    deinit {
        device.free(address)
    }
}

/// Memory of the host to and from which a device copies by itself; given back when the last reference to it goes.
package final class PinnedMemory {
    /// Where it is.
    package let bytes: UnsafeMutableRawBufferPointer
    private let memory: UnsafeMutableRawPointer
    private let device: any Device

    /// Reserves memory with undefined contents.
    package init(byteCount: Int, on device: any Device) throws(CUDAError) {
        memory = try device.allocatePinned(byteCount: byteCount)
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
        self.device = device
    }

    deinit {
        device.freePinned(memory)
    }
}

extension DeviceQueue {
    /// Enqueues a copy of an array to the device.
    package func copy<Element: BitwiseCopyable>(
        _ values: [Element], to address: DeviceAddress
    ) throws(CUDAError) {
        // `withUnsafeBytes` passes no typed errors on.
        let result = values.withUnsafeBytes { bytes in
            Result { () throws(CUDAError) in try copy(bytes, to: address) }
        }
        try result.get()
    }

    /// Copies numbers from the device, and waits for them.
    package func copy<Element: BitwiseCopyable>(
        _ address: DeviceAddress, to values: inout [Element]
    ) throws(CUDAError) {
        let result = values.withUnsafeMutableBytes { bytes in
            Result { () throws(CUDAError) in try copy(address, to: bytes) }
        }
        try result.get()
    }

    /// Copies `count` floats from the device, and waits for them.
    func floats(at address: DeviceAddress, count: Int) throws(CUDAError) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        try copy(address, to: &values)
        return values
    }
}

extension DeviceAddress {
    /// The place of a float, so many further on.
    func float(_ index: Int) -> DeviceAddress { self + index * MemoryLayout<Float>.size }
}
