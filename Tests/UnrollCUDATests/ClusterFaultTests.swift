import Testing
import UnrollCUDA

/// What kernels do wrong with the primitives of clusters is an error that says what and where.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct ClusterFaultTests {
    // Bodies of kernels, and what is said of them.
    private static let wrongUses = [
        (
            "barrier_wait(barrier, 0);",
            "barrier_wait: no barrier was initialized at byte 0 of the dynamic shared"
        ),
        ("prepare(); barrier_wait(barrier, 2);", "a parity is 0 or 1, not 2"),
        (
            "if (isFirst) barrier_init(barrier + 4, 1);",
            "barrier_init: byte 4 of the dynamic shared memory of block"
        ),
        ("if (isFirst) barrier_init(barrier, 0);", "barrier_init: 0 arrivals"),
        ("barrier_init(barrier, 1);", "is initialized twice"),
        ("prepare(); memory[3] = 1; barrier_wait(barrier, 1);", "was overwritten"),
        ("prepare(); barrier_expect(barrier, 8);", "barrier_expect: all 1 arrivals at byte 0"),
        ("prepare(); if (isFirst) barrier_expect(barrier, 1 << 20);", "misses 1048576 bytes"),
        ("prepare(); if (isFirst) barrier_expect(barrier, 8);", "ended in a phase of the barrier at byte 0"),
        ("load_shared(buffer + 4);", "load_shared: byte 20 of the dynamic shared memory of block"),
        ("load_shared(buffer + 64);", "load_shared: 16 bytes at address"),
        ("load_shared(4);", "load_shared: 16 bytes at address 4 are not in shared memory"),
        ("load_shared(peer_address(buffer, peer));", "load_shared: the address is that of a peer"),
        (
            "load_shared(shared_address(out));",
            "shared_address: the pointer is not to the block's shared memory"
        ),
        ("peer_address(buffer, 2);", "there is no block 2 in a cluster of 2"),
        ("peer_address(peer_address(buffer, 0), 1);", "peer_address: the address is that of a peer"),
        (
            "if (isFirst) memory[80] = 1;",
            "something was written outside of the dynamic shared memory of 80 bytes"
        ),
        (
            "if (isFirst) memory[-1] = 1;",
            "something was written outside of the dynamic shared memory of 80 bytes"
        ),
        (
            "if (isFirst) barrier_init(barrier, 1); cluster_barrier(); if (isFirst) \(send)",
            "was not published before a cluster_barrier()"
        ),
        ("prepare(); if (isFirst) send(place + 2, 1u, arrival);", "send: byte 18 of the dynamic shared"),
        ("prepare(); if (isFirst) send(place + 4, u64(1), arrival);", "is no multiple of 8"),
        ("prepare(); if (isFirst) send(place + 8, Word4{}, arrival);", "is no multiple of 16"),
        ("prepare(); if (isFirst) send(place + 64, 1u, arrival);", "send: 4 bytes at address"),
        ("prepare(); if (isFirst) send(place, 1u, arrival + 8);", "send: no barrier was initialized"),
        ("prepare(); if (isFirst) send(place, 1u, barrier);", "the place is in block"),
        // The bytes may be on the way, have come unasked for, or be sent afterward.
        ("prepare(); if (rank == 0 && isFirst) \(send)", "ended"),
    ]
    private static let deadlocks = [
        (
            "prepare(); barrier_wait(barrier, 0);",
            "128 at barrier_wait (at byte 0 of the dynamic shared memory"
        ),
        ("prepare(); barrier_wait(barrier, 0);", "0 of 1 arrivals are made, 0 bytes missing)"),
        (
            "prepare(); if (rank) cluster_barrier(); else barrier_wait(barrier, 0);",
            "64 at cluster_barrier, 64 at barrier_wait"
        ),
        (
            "if (rank) cluster_barrier(); else if (isFirst) warp_xor(1.f, 1); else __syncthreads();",
            "deadlock; of 128 threads 63 wait at __syncthreads, 1 at warp_xor of floats, 64 at cluster_barrier"
        ),
        ("if (!rank) while (load_relaxed((Word4*)out).x != 5) {}", "64 poll global memory, 64 have ended"),
    ]
    private static let send = "send(place, 1u, arrival);"
    private static let sendAsExpected = "prepare(); if (isFirst) { barrier_expect(barrier, 4); \(send) }"
    private static let end = "\(sendAsExpected) cluster_barrier();"
    private static let endAfterWaiting = "\(sendAsExpected) cluster_barrier(); barrier_wait(barrier, 0);"
    private static let read =
        "\(sendAsExpected) cluster_barrier(); load_shared(buffer); barrier_wait(barrier, 0);"
    private static let sendToTheDead = """
        prepare();
        if (rank == 1) return;
        while (load_relaxed((Word4*)out).x != out[8] && !isFirst) {}
        if (isFirst) \(send)
        """
    private static let startEarly = "start_next_kernel();"
    private static let waitAfterEarlyStart = "if (isFirst) wait_for_earlier_kernels();"
    private static let manyNumbers = """
        volatile u32 numbers[14320];
        numbers[threadIdx.x] = rank;
        __syncthreads();
        out[threadIdx.x] = numbers[threadIdx.x];
        """

    private static let bodies =
        wrongUses.map(\.0) + deadlocks.map(\.0) + [
            end, endAfterWaiting, read, sendToTheDead, startEarly, waitAfterEarlyStart, manyNumbers,
        ]
    // One text, which is compiled once.
    private static let source = KernelSource(
        name: "wrong kernels",
        text: bodies.enumerated().map { number, body in
            """
            KERNEL(64, wrong\(number), (u32* out)) {
                DYNAMIC_SHARED(memory);
                const u32 barrier = shared_address(memory), buffer = barrier + 16, rank = cluster_rank(), peer = rank ^ 1;
                const u32 place = peer_address(buffer, peer), arrival = peer_address(barrier, peer);
                const bool isFirst = threadIdx.x == 0;
                const auto prepare = [&] {
                    if (isFirst) barrier_init(barrier, 1), barrier_publish();
                    cluster_barrier();
                };
                \(body)
            }

            """
        }.joined())

    /// What comes of a launch of two blocks in a cluster, of 64 threads and 80 bytes of dynamic shared memory each.
    private func error(_ body: String, seed: Int, startsEarly: Bool = false) throws -> String? {
        let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
        let number = try #require(Self.bodies.firstIndex(of: body))
        try queue.launch(
            try device.load(Self.source).kernel("wrong\(number)"), blocks: 2, threads: 64, sharedMemory: 80,
            clusterSize: 2, startsEarly: startsEarly, .address(try device.array(count: 64)))
        do throws(CUDAError) {
            try queue.synchronize()
            return nil
        } catch {
            #expect(error.description.contains("kernel 'wrong\(number)', block ("))
            return error.description
        }
    }

    @Test(arguments: wrongUses)
    func aWrongUseIsFoundInEveryOrder(body: String, message: String) throws {
        for seed in 0..<8 {
            let error = try error(body, seed: seed)
            #expect(error?.contains(message) == true, "seed \(seed): \(error ?? "nothing")")
        }
    }

    @Test(arguments: deadlocks)
    func whatWouldHangIsADeadlock(body: String, message: String) throws {
        for seed in 0..<3 {
            let error = try error(body, seed: seed)
            #expect(error?.contains("deadlock; of 128 threads") == true)
            #expect(error?.contains(message) == true, "seed \(seed): \(error ?? "nothing")")
        }
    }

    @Test func sendingToABlockThatHasEndedIsFound() throws {
        // In order, a thread that polls looks again when the other block has ended.
        let error = try error(Self.sendToTheDead, seed: 0)
        #expect(error?.contains("send: block 1 of the cluster has ended") == true, "\(error ?? "nothing")")
    }

    @Test func bytesThatAreNotWaitedForAreFoundUnderSomeSeed() throws {
        // The barrier of the cluster does not wait for what was sent.
        let found = try (0..<24).filter { seed in
            let error = try error(Self.end, seed: seed)
            #expect(error?.contains("the block has ended while 1 messages to it are on the way") != false)
            return error != nil
        }
        #expect(!found.isEmpty && !found.contains(0))
        for seed in 0..<24 { #expect(try error(Self.endAfterWaiting, seed: seed) == nil) }
    }

    @Test func readingWhatIsOnTheWayIsFoundUnderSomeSeed() throws {
        let messages = try (0..<24).compactMap { try error(Self.read, seed: $0) }
        #expect(!messages.isEmpty)
        for message in messages {
            #expect(message.contains("load_shared: something is on the way to byte 16"), "\(message)")
        }
    }

    @Test func aLaunchThatStartsEarlyMustWait() throws {
        let message = "starts early, but no thread of the block called wait_for_earlier_kernels()"
        #expect(try error(Self.startEarly, seed: 0) == nil)
        #expect(try error(Self.startEarly, seed: 0, startsEarly: true)?.contains(message) == true)
        #expect(try error(Self.waitAfterEarlyStart, seed: 0, startsEarly: true) == nil)
    }

    @Test func aStackThatIsTooSmallIsFound() throws {
        #expect(
            try error(Self.manyNumbers, seed: 0)?.contains("needs more than 57344 bytes of stack") == true)
    }
}
