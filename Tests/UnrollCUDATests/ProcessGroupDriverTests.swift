import Testing
import UnrollCUDA
import UnrollCluster
import UnrollTestSupport

/// What groups whose messages are in the memory of a GPU ask of its driver.
@Suite(.needsCompiler) struct ProcessGroupDriverTests {
    /// A message from a process to itself, which NCCL can carry.
    @Test func ncclGetsTheStreamAndIsWaitedFor() throws {
        let (gpu, library) = (try FakeGPU(), try FakeLibrary("nccl"))
        try LocalProcessGroup.runEnding(1) { group in
            let device = try gpu.open()
            let queue = try device.makeQueue()
            let memory = try DeviceMemory(byteCount: 512, on: device)
            try queue.copy([UInt8](0...255), to: memory.address)
            try queue.synchronize()
            let own = try NCCLProcessGroup(try NCCL(library.file.path), beside: group, on: queue)
            _ = (gpu.driver.calls(), library.calls())
            try own.exchange([
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
            try own.exchange([])
            #expect(gpu.driver.calls() == ["cuStreamQuery stream0", "cuStreamQuery stream0"])
            try gpu.driver.fail("cuStreamQuery", code: 700)
            let error = #expect(throws: ClusterError.self) { try own.exchange([]) }
            guard case .failed("NCCL", _, "an exchange", let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("CUDA_ERROR_ILLEGAL_ADDRESS"))
        }.forEach { try $0.get() }
        #expect(library["communicators"] == 0)
        #expect(gpu.alive.isEmpty)
    }

    @Test func copiesThroughTheMachinesMemoryAreInOrder() throws {
        let gpu = try FakeGPU()
        let results = LocalProcessGroup.runEnding(2) { group in
            let device = try group.rank == 0 ? gpu.open() : nil
            guard let device else {
                // The other process has no GPU.
                var bytes = [UInt8](1...8)
                try bytes.withUnsafeMutableBytes { bytes in
                    try group.exchange([
                        Transfer(.send, 0, UnsafeMutableRawBufferPointer(rebasing: bytes[..<4])),
                        Transfer(.receive, 0, UnsafeMutableRawBufferPointer(rebasing: bytes[4...])),
                    ])
                }
                #expect(bytes == [1, 2, 3, 4, 9, 9, 9, 9])
                return
            }
            let queue = try device.makeQueue()
            let memory = try DeviceMemory(byteCount: 8, on: device)
            try queue.copy([UInt8](repeating: 9, count: 8), to: memory.address)
            let own = StagedProcessGroup(beside: group, on: device, queue, because: "of this test")
            _ = gpu.driver.calls()
            try own.exchange([
                Transfer(.receive, 1, memory.address.bytes(4)),
                Transfer(.send, 1, (memory.address + 4).bytes(4)),
            ])
            #expect(
                gpu.driver.calls() == [
                    "cuMemHostAlloc 8 0", "cuMemcpyDtoHAsync memory0+4 4 stream0",
                    "cuStreamSynchronize stream0",
                    "cuMemcpyHtoDAsync memory0+0 4 stream0",
                ])
            var bytes = [UInt8](repeating: 0, count: 8)
            try queue.copy(memory.address, to: &bytes)
            #expect(bytes == [1, 2, 3, 4, 9, 9, 9, 9])
            try gpu.driver.fail("cuMemcpyDtoHAsync", code: 700)
            let error = #expect(throws: ClusterError.self) {
                try own.exchange([Transfer(.send, 1, memory.address.bytes(4))])
            }
            guard case .failed("the GPU", "Fake 0", "a copy of messages", _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        for result in results { try result.get() }
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
