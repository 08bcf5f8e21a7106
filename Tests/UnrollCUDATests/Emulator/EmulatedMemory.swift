import Synchronization
import UnrollCUDA

/// The memory of an emulated device: memory of the host, with guards around each allocation.
///
/// An allocation begins as not a number, whatever the type of number. Its guards are too, so that what is read past its
/// end shows; what is written there is found by `check()`.
final class EmulatedMemory: Sendable {
    /// Bytes before and after an allocation, a multiple of its alignment.
    private static let guardSize = 4096
    private static let alignment = 256
    /// Two bytes that are a bfloat16 which is not a number, and twice a float that is none, but not those of new memory.
    private static let guardPattern = UInt16(0xffe5)

    private struct State {
        var limit: Int
        var allocations: [UInt64: Int] = [:]
        var bytes = 0
        var allocationCount = 0
        var failure: CUDAError?
    }

    private let state: Mutex<State>
    private let device: String

    /// Memory of so many bytes.
    init(limit: Int, device: String) {
        state = Mutex(State(limit: limit))
        self.device = device
    }

    deinit {
        state.withLock { state in
            for (address, byteCount) in state.allocations {
                Self.block(address, byteCount).deallocate()
            }
        }
    }

    /// Bytes that can be allocated in all, which a test may change.
    var limit: Int {
        get { state.withLock { $0.limit } }
        set { state.withLock { $0.limit = newValue } }
    }

    /// Bytes that can be allocated now.
    var available: Int { state.withLock { max(0, $0.limit - $0.bytes) } }

    /// Bytes that are allocated now.
    var allocatedBytes: Int { state.withLock { $0.bytes } }

    /// Allocations that have not been given back.
    var liveAllocations: Int { state.withLock { $0.allocations.count } }

    /// Allocations since the beginning, also those that have been given back.
    var allocationCount: Int { state.withLock { $0.allocationCount } }

    /// As `Device.allocate(byteCount:)`.
    func allocate(byteCount: Int) throws(CUDAError) -> DeviceAddress {
        try state.withLock { state throws(CUDAError) in
            guard byteCount > 0 else { throw .invalid("cuMemAlloc", "\(byteCount) bytes") }
            guard byteCount <= state.limit - state.bytes else {
                throw .outOfMemory(
                    needed: byteCount, available: max(0, state.limit - state.bytes), device: device)
            }
            let block = UnsafeMutableRawBufferPointer.allocate(
                byteCount: byteCount + 2 * Self.guardSize, alignment: Self.alignment)
            for index in Self.guards(byteCount).joined() { block[index] = Self.guardByte(index) }
            let contents = UnsafeMutableRawBufferPointer(rebasing: block[Self.guardSize...].prefix(byteCount))
            contents.initializeMemory(as: UInt8.self, repeating: 0xff)
            let address = UInt64(UInt(bitPattern: contents.baseAddress))
            state.allocations[address] = byteCount
            state.bytes += byteCount
            state.allocationCount += 1
            return DeviceAddress(bits: address)
        }
    }

    /// As `Device.free(_:)`; what is wrong with it is thrown by the next `check()`.
    func free(_ address: DeviceAddress) {
        state.withLock { state in
            guard let byteCount = state.allocations.removeValue(forKey: address.bits) else {
                state.failure = state.failure ?? .invalid("cuMemFree", "nothing was allocated there")
                return
            }
            state.failure = state.failure ?? Self.damage(address.bits, byteCount)
            state.bytes -= byteCount
            Self.block(address.bits, byteCount).deallocate()
        }
    }

    /// Finds writes past allocations.
    ///
    /// - Throws: `CUDAError.driver`, again and again once there was one.
    func check() throws(CUDAError) {
        let failure = state.withLock { state in
            if state.failure == nil {
                state.failure = state.allocations.lazy.compactMap { Self.damage($0.key, $0.value) }.first
            }
            return state.failure
        }
        if let failure { throw failure }
    }

    /// The bytes at an address, which must all be in one allocation.
    func bytes(
        _ address: DeviceAddress, byteCount: Int, for function: String
    ) throws(CUDAError) -> UnsafeMutableRawBufferPointer {
        let isInside = state.withLock { state in
            state.allocations.contains { start, size in
                address.bits >= start && Int(address.bits - start) <= size - byteCount
            }
        }
        guard byteCount >= 0, isInside else {
            throw .invalid(function, "\(byteCount) bytes there are not in one allocation")
        }
        return UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(address.bits)), count: byteCount)
    }

    private static func guardByte(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: index.isMultiple(of: 2) ? guardPattern : guardPattern >> 8)
    }

    /// An allocation with its guards.
    private static func block(_ address: UInt64, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(address))?.advanced(by: -guardSize),
            count: byteCount + 2 * guardSize)
    }

    /// The places of both guards in an allocation with its guards.
    private static func guards(_ byteCount: Int) -> [Range<Int>] {
        [0..<guardSize, guardSize + byteCount..<byteCount + 2 * guardSize]
    }

    /// What is wrong with the guards of an allocation, if anything.
    private static func damage(_ address: UInt64, _ byteCount: Int) -> CUDAError? {
        let block = block(address, byteCount)
        for part in guards(byteCount) {
            guard let index = part.first(where: { block[$0] != guardByte($0) }) else { continue }
            return .driver(
                function: "cuStreamSynchronize", name: "CUDA_ERROR_ILLEGAL_ADDRESS",
                message: "byte \(index - guardSize) of an allocation of \(byteCount) bytes was written")
        }
        return nil
    }
}
