import Dispatch
import Foundation
import Testing
import UnrollBase
import UnrollCUDA
import UnrollCluster
import UnrollEngine
import UnrollModel
import UnrollTestSupport

/// Groups whose messages are in the memory of GPUs: by NCCL, for which there is a stand-in, and by way of the machine's
/// memory.
@Suite(.needsCompiler, .enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct ProcessGroupTests {
    /// An engine on a GPU of its own.
    private static func engine(uuid: [UInt8] = Array(UUID().uuidString.utf8)) throws -> CUDAEngine {
        let configuration = ModelConfiguration(cell: TanhCell.self, hiddenSize: 3)
        return try CUDAEngine(
            configuration: configuration,
            parameters: try ModelParameters(for: configuration, vocabularySize: 5, seed: 0),
            on: EmulatedDevice(uuid: uuid))
    }

    private static let count = 1000

    /// Numbers of a shard, for whose sum the order matters.
    private static func numbers(ofShard shard: Int, _ time: Int) -> [Float] {
        var source = RandomSource(seed: UInt64(shard + 100 * time), purpose: .masks)
        return (0..<count).map { _ in Float(source.uniform() - 0.5) * Float(1 << source.integer(below: 20)) }
    }

    /// The sum of a node, by its definition.
    private static func sum(_ node: Range<Int>, _ time: Int) -> [Float] {
        guard node.count > 1 else { return numbers(ofShard: node.lowerBound, time) }
        let middle = node.upperBound - node.count / 2
        return zip(sum(node.lowerBound..<middle, time), sum(middle..<node.upperBound, time)).map { $0 + $1 }
    }

    /// Expects the sums of all shards in the memory of every process's GPU.
    ///
    /// - Returns: What has carried them.
    private static func checkSums(
        of shardCount: Int, by engine: CUDAEngine, in group: any ProcessGroup,
        _ environment: [String: String] = [:]
    ) throws -> String {
        let tree = ShardTree(count: shardCount)
        let reaching = try engine.group(reaching: group, environment: environment)
        let sum = try ShardSum(
            tree, in: reaching, elementCount: engine.gradientSize + count, memory: engine)
        let memories = try engine.makeGradients(tree.count, extra: count)
        // Memory is used again.
        for time in 0..<3 {
            for (index, node) in sum.ownNodes.enumerated() {
                try engine.clearGradient(index)
                try engine.setExtraNumbers(Self.sum(node, time), ofGradient: index)
            }
            try sum.sum(Array(memories.prefix(sum.ownNodes.count)))
            let (actual, wanted) = (try engine.extraNumbers(ofGradient: 0), Self.sum(0..<shardCount, time))
            #expect(actual.map(\.bitPattern) == wanted.map(\.bitPattern))
        }
        return "\(reaching)"
    }

    @Test(arguments: [(2, 2), (2, 5), (3, 4), (4, 8), (5, 5)])
    func sumsGoByNCCL(processes: Int, shards: Int) throws {
        let library = try FakeLibrary("nccl")
        let transports = try LocalProcessGroup.runEnding(processes) { group in
            try Self.checkSums(
                of: shards, by: Self.engine(), in: group, ["UNROLL_NCCL": library.file.path])
        }.map { try $0.get() }
        #expect(transports == Array(repeating: "NCCL 2.27.3", count: processes))
        #expect(library["communicators"] == 0)
        #expect(library["messages"] > 0)
        let calls = library.calls()
        #expect(calls.filter { $0 == "ncclGetUniqueId" }.count == 1)
        // The whole identity has come to all.
        let beginnings = calls.filter { $0.hasPrefix("ncclCommInitRankConfig") }.sorted()
        #expect(
            beginnings == (0..<processes).map { "ncclCommInitRankConfig \(processes) identity 0x \($0)" })
    }

    @Test(arguments: [(2, 3), (3, 8)]) func sumsGoThroughTheMachinesMemory(processes: Int, shards: Int) throws
    {
        let transports = try LocalProcessGroup.runEnding(processes) { group in
            try Self.checkSums(of: shards, by: Self.engine(uuid: [1]), in: group)
        }.map { try $0.get() }
        let wanted = "copies through the machine's memory, as processes 0 and 1 share a GPU"
        #expect(transports == Array(repeating: wanted, count: processes))
    }

    /// NCCL is used if all processes have the same.
    @Test func aProcessWithoutNCCLOrWithAnotherKeepsAllFromIt() throws {
        let (first, second) = (try FakeLibrary("nccl"), try FakeLibrary("nccl"))
        second["version"] = 22005
        let files = [first.file.path, second.file.path, "/nowhere/libnccl.so"]
        for (other, reason) in [
            (1, "process 0 has NCCL 2.27.3 and process 1 2.20.5"), (2, "process 1 has no NCCL"),
        ] {
            let transports = try LocalProcessGroup.runEnding(2) { group in
                try Self.checkSums(
                    of: 2, by: Self.engine(), in: group,
                    ["UNROLL_NCCL": files[group.rank == 0 ? 0 : other]])
            }.map { try $0.get() }
            #expect(transports[0] == "copies through the machine's memory, as \(reason)")
            if other == 2 {
                let prefix = "copies through the machine's memory, as NCCL is not in /nowhere/libnccl.so ("
                #expect(transports[1].hasPrefix(prefix))
            }
        }
        #expect(first["communicators"] == 0 && second["communicators"] == 0)
    }

    @Test func oneProcessNeedsNoOtherGroup() throws {
        let transport = try #require(
            LocalProcessGroup.runEnding(1) { group in
                let engine = try Self.engine()
                let reaching = try engine.group(reaching: group, environment: [:])
                #expect(reaching === group)
                return try Self.checkSums(of: 3, by: engine, in: group)
            }.first)
        _ = try transport.get()
    }

    @Test(arguments: [
        "ncclCommInitRankConfig", "ncclCommGetAsyncError", "ncclGroupStart", "ncclSend", "ncclRecv",
    ])
    func anErrorNamesTheLibraryItsVersionAndTheFunction(function: String) throws {
        let library = try FakeLibrary("nccl")
        try library.fail(function, code: 2)
        let results = LocalProcessGroup.runEnding(2) { group in
            try Self.checkSums(of: 2, by: Self.engine(), in: group, ["UNROLL_NCCL": library.file.path])
        }
        let errors = results.compactMap { result -> ClusterError? in
            if case .failure(let error) = result { error as? ClusterError } else { nil }
        }
        #expect(errors.count == 2)
        #expect(
            errors.contains {
                guard case .failed("NCCL", "2.27.3", let name, let reason) = $0 else { return false }
                return (name.contains(function) || name == "ncclSend or ncclRecv")
                    && reason.hasPrefix("unhandled system error")
            }, "\(errors)")
        // The other process has been told, though NCCL would wait for messages forever.
        #expect(
            errors.contains {
                if case .ended = $0 { true } else { false }
            }, "\(errors)")
        #expect(library["communicators"] == 0)
    }

    /// An error that NCCL finds by itself while messages are on their way.
    @Test func anErrorBesideTheQueueEndsAnExchange() throws {
        let library = try FakeLibrary("nccl")
        let results = LocalProcessGroup.runEnding(2) { group in
            let engine = try Self.engine()
            let reaching = try engine.group(reaching: group, environment: ["UNROLL_NCCL": library.file.path])
            // Not while the other one is still preparing.
            try group.barrier()
            library["state"] = 2
            var byte: UInt8 = 0
            try withUnsafeMutableBytes(of: &byte) {
                try reaching.exchange([Transfer(group.rank == 0 ? .send : .receive, 1 - group.rank, $0)])
            }
        }
        for result in results {
            let error = #expect(throws: ClusterError.self) { try result.get() }
            switch error {
            case .failed("NCCL", "2.27.3", "an exchange", "unhandled system error; the network\\nis down"):
                break
            case .ended: break
            default: Issue.record("\(String(describing: error))")
            }
        }
        #expect(library["communicators"] == 0)
    }

    /// NCCL would wait forever for a process that is lost, which the other group finds out.
    @Test func aLostProcessEndsAnExchange() throws {
        let library = try FakeLibrary("nccl")
        let isReady = DispatchSemaphore(value: 0)
        let results = LocalProcessGroup.runEnding(2) { group in
            let engine = try Self.engine()
            let reaching = try engine.group(reaching: group, environment: ["UNROLL_NCCL": library.file.path])
            guard group.rank == 0 else {
                // Not while the other one is still preparing.
                _ = isReady.wait(timeout: .now() + 600)
                group.end(because: "the disk is full")
                return
            }
            isReady.signal()
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
            defer { bytes.deallocate() }
            // And it stays so.
            for _ in 0..<2 {
                #expect(throws: ClusterError.ended(process: 1, host: "local", reason: "the disk is full")) {
                    try reaching.exchange([Transfer(.send, 1, bytes)])
                }
            }
        }
        for result in results { try result.get() }
        #expect(library["communicators"] == 0)
    }
}
