import UnrollCluster

/// A group whose messages are in the memory of a GPU and go by way of the machine's memory and another group.
///
/// Unchecked, as one thread at a time exchanges messages of a group.
package final class StagedProcessGroup: ProcessGroup, CustomStringConvertible, @unchecked Sendable {
    private let group: any ProcessGroup
    private let device: any Device
    private let queue: any DeviceQueue
    private let reason: String
    /// Where messages are in the machine's memory, as large as the longest exchange has needed.
    private var staging: PinnedMemory?

    /// Creates a group.
    ///
    /// - Parameters:
    ///   - group: What carries the messages.
    ///   - device: Where they are.
    ///   - queue: What uses them.
    ///   - reason: Why nothing faster does, in a few words.
    package init(
        beside group: any ProcessGroup, on device: any Device, _ queue: any DeviceQueue,
        because reason: String
    ) {
        self.group = group
        self.device = device
        self.queue = queue
        self.reason = reason
    }

    package var rank: Int { group.rank }
    package var size: Int { group.size }
    /// Such as "copies through the machine's memory, as process 1 has no NCCL".
    package var description: String { "copies through the machine's memory, as \(reason)" }

    package func exchange(_ transfers: [Transfer]) throws(ClusterError) {
        let staged = try onDevice { () throws(CUDAError) in
            let staged = try stage(transfers)
            for (transfer, copy) in zip(transfers, staged) where transfer.direction == .send {
                try queue.enqueueCopy(transfer.address, to: copy.bytes)
            }
            // Also of what the exchange before has received, whose place is taken now.
            try queue.synchronize()
            return staged
        }
        try group.exchange(staged)
        try onDevice { () throws(CUDAError) in
            for (transfer, copy) in zip(transfers, staged) where transfer.direction == .receive {
                try queue.enqueueCopy(UnsafeRawBufferPointer(copy.bytes), to: transfer.address)
            }
        }
    }

    package func end(because reason: String) { group.end(because: reason) }

    /// The same messages with places in the machine's memory, one after the other.
    private func stage(_ transfers: [Transfer]) throws(CUDAError) -> [Transfer] {
        let byteCount = transfers.reduce(0) { $0 + $1.bytes.count }
        if staging.map({ $0.bytes.count < byteCount }) ?? true {
            staging = nil
            staging = try PinnedMemory(byteCount: byteCount, on: device)
        }
        guard let staging else { return [] }
        var start = 0
        return transfers.map { transfer in
            defer { start += transfer.bytes.count }
            let bytes = staging.bytes[start..<start + transfer.bytes.count]
            return Transfer(
                transfer.direction, transfer.peer, UnsafeMutableRawBufferPointer(rebasing: bytes))
        }
    }

    private func onDevice<Value>(_ body: () throws(CUDAError) -> Value) throws(ClusterError) -> Value {
        do throws(CUDAError) {
            return try body()
        } catch {
            throw .failed(
                library: "the GPU", version: device.properties.name, function: "a copy of messages",
                reason: "\(error)")
        }
    }
}

extension Transfer {
    /// Where the message is in a device's memory.
    fileprivate var address: DeviceAddress {
        DeviceAddress(bits: UInt64(UInt(bitPattern: bytes.baseAddress)))
    }
}
