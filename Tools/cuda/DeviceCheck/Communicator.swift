import Foundation
import UnrollCUDA
import UnrollCluster

/// A message of NCCL from a process to itself: one GPU tells whether the library is called rightly.
struct CommunicatorCheck {
    let device: any Device
    let report: Report

    /// Runs the check, if there is NCCL.
    func run() async {
        guard let nccl = try? NCCLSearch.find(in: ProcessInfo.processInfo.environment) else { return }
        await report.check("communicator", "NCCL \(nccl.version)") {
            var line = CheckLine()
            let queue = try device.makeQueue()
            let sent = [UInt8](unsafeUninitializedCapacity: 1 << 20) { bytes, count in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index % 251) }
                count = bytes.count
            }
            let memory = try DeviceMemory(byteCount: 2 * sent.count, on: device)
            let group = try NCCLProcessGroup(nccl, beside: OneProcess(), on: queue)
            for _ in 0..<3 {
                try queue.copy(sent, to: memory.address)
                try queue.fillWithZeros(memory.address + sent.count, byteCount: sent.count)
                try group.exchange([
                    Transfer(.send, 0, bytes(memory.address, sent.count)),
                    Transfer(.receive, 0, bytes(memory.address + sent.count, sent.count)),
                ])
                var received = [UInt8](repeating: 0, count: sent.count)
                try queue.copy(memory.address + sent.count, to: &received)
                line.require(received == sent, "another message has arrived")
            }
            return line
        }
    }

    private func bytes(_ address: DeviceAddress, _ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(bitPattern: UInt(address.bits)), count: count)
    }
}

/// A group of this process alone.
package final class OneProcess: ProcessGroup {
    package let rank = 0
    package let size = 1

    package init() {}

    package func exchange(_ transfers: [Transfer]) throws(ClusterError) {
        if let transfer = transfers.first { throw .noSuchProcess(process: transfer.peer, size: size) }
    }

    package func end(because reason: String) {}
}
