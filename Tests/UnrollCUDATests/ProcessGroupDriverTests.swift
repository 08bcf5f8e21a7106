import DeviceCheck
import Foundation
import Testing
import UnrollCUDA
import UnrollCluster
import UnrollTestSupport

/// What groups whose messages are in the memory of a GPU ask of its driver.
@Suite(.needsCompiler) struct ProcessGroupDriverTests {
    /// A message from a process to itself, which NCCL can carry.
    @Test func ncclGetsTheStreamAndIsWaitedFor() throws {
        let (gpu, library) = (try FakeGPU(), try FakeLibrary("nccl"))
        do {
            let device = try gpu.open()
            let queue = try device.makeQueue()
            let memory = try DeviceMemory(byteCount: 512, on: device)
            try queue.copy([UInt8](0...255), to: memory.address)
            try queue.synchronize()
            let nccl = try NCCLSearch.find(in: ["UNROLL_NCCL": library.file.path])
            let group = try NCCLProcessGroup(nccl, beside: OneProcess(), on: queue)
            _ = (gpu.driver.calls(), library.calls())
            try group.exchange([
                Transfer(.send, 0, memory.address.bytes(256)),
                Transfer(.receive, 0, (memory.address + 256).bytes(256)),
            ])
            #expect(
                library.calls() == [
                    "ncclGroupStart", "ncclSend 256 0 stream", "ncclRecv 256 0 stream", "ncclGroupEnd",
                ])
            #expect(gpu.driver.calls() == ["cuStreamQuery stream0"])
            var bytes = [UInt8](repeating: 0, count: 256)
            try queue.copy(memory.address + 256, to: &bytes)
            #expect(bytes == [UInt8](0...255))

            // What was enqueued before is waited for by asking.
            try queue.fillWithZeros(memory.address, byteCount: 4)
            _ = gpu.driver.calls()
            try group.exchange([])
            #expect(gpu.driver.calls() == ["cuStreamQuery stream0", "cuStreamQuery stream0"])

            try gpu.driver.fail("cuStreamQuery", code: 700)
            let error = #expect(throws: ClusterError.self) { try group.exchange([]) }
            guard case .failed("NCCL", "2.27.3", "an exchange", let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("CUDA_ERROR_ILLEGAL_ADDRESS"))
        }
        #expect(library["communicators"] == 0)
        #expect(gpu.alive.isEmpty)
    }

    /// A group that notes what is sent, and receives ones.
    private final class Notes: ProcessGroup, @unchecked Sendable {
        let rank = 0
        let size = 2
        private(set) var sent: [[UInt8]] = []

        func exchange(_ transfers: [Transfer]) {
            for transfer in transfers {
                switch transfer.direction {
                case .send: sent.append(Array(transfer.bytes))
                case .receive: transfer.bytes.initializeMemory(as: UInt8.self, repeating: 1)
                }
            }
        }

        func end(because reason: String) {}
    }

    @Test func copiesThroughTheMachinesMemoryAreInOrder() throws {
        let gpu = try FakeGPU()
        do {
            let (device, notes) = (try gpu.open(), Notes())
            let queue = try device.makeQueue()
            let memory = try DeviceMemory(byteCount: 8, on: device)
            try queue.copy([UInt8](repeating: 9, count: 8), to: memory.address)
            let group = StagedProcessGroup(beside: notes, on: device, queue, because: "this test says so")
            #expect(group.description == "copies through the machine's memory, as this test says so")
            _ = gpu.driver.calls()
            let transfers = [
                Transfer(.receive, 1, memory.address.bytes(4)),
                Transfer(.send, 1, (memory.address + 4).bytes(4)),
            ]
            try group.exchange(transfers)
            let copies = [
                "cuMemcpyDtoHAsync memory0+4 4 stream0", "cuStreamSynchronize stream0",
                "cuMemcpyHtoDAsync memory0+0 4 stream0",
            ]
            #expect(gpu.driver.calls() == ["cuMemHostAlloc 8 0"] + copies)
            // The same memory again.
            try group.exchange(transfers)
            #expect(gpu.driver.calls() == copies)
            #expect(notes.sent == [[9, 9, 9, 9], [9, 9, 9, 9]])
            var bytes = [UInt8](repeating: 0, count: 8)
            try queue.copy(memory.address, to: &bytes)
            #expect(bytes == [1, 1, 1, 1, 9, 9, 9, 9])

            for function in ["cuMemcpyDtoHAsync", "cuMemcpyHtoDAsync", "cuStreamSynchronize"] {
                try gpu.driver.fail(function, code: 700)
                let error = #expect(throws: ClusterError.self) { try group.exchange(transfers) }
                guard case .failed("the GPU", "Fake 0", "a copy of messages", let reason) = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(reason.contains(function))
            }
        }
        #expect(gpu.alive.isEmpty)
    }

    @Test func processesOfAMachineShareOutItsGPUs() throws {
        let gpu = try FakeGPU()
        gpu.driver["devices"] = 3
        let devices = try (-1..<7).map {
            try CUDAEngine.device(ofLocalRank: $0, environment: gpu.environment)
        }
        #expect(devices == [0, 0, 1, 2, 0, 1, 2, 0])
        gpu.driver["devices"] = 0
        #expect(throws: CUDAError.noDevice) {
            try CUDAEngine.device(ofLocalRank: 1, environment: gpu.environment)
        }
    }
}

extension DeviceAddress {
    /// Memory of the device as messages have it.
    fileprivate func bytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(bitPattern: UInt(bits)), count: count)
    }
}
