import KernelSources
import Testing
import UnrollCUDA

/// The primitives of clusters and grids on the emulator: what blocks that run at the same time see of each other.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct ClusterTests {
    /// The words of a kernel's only argument, which is `count` of them, after a launch.
    private func words(
        _ text: String, count: Int, seed: UInt64, blocks: Int, threads: Int = 32, sharedMemory: Int = 0,
        clusterSize: Int
    ) throws -> [UInt32] {
        let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
        let out = try device.array(count: count)
        try queue.launch(
            try device.kernel("test", in: text), blocks: blocks, threads: threads, sharedMemory: sharedMemory,
            clusterSize: clusterSize, .address(out))
        return try queue.words(out, count: count)
    }

    @Test(arguments: [1, 2, 4, 8, 16], 0..<6)
    func blocksSendToTheNext(size: Int, seed: Int) throws {
        let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
        let (blocks, threads) = (2 * size, 64)
        let count = blocks * threads * 11
        let out = try device.array(count: count)
        let kernel = try device.load(EveryPrimitive.clusters).kernel("pass_in_cluster")
        try queue.launch(
            kernel, blocks: blocks, threads: threads, sharedMemory: 16 + 44 * threads, clusterSize: size,
            .address(out), .int(size))
        let words = try queue.words(out, count: count)
        for block in 0..<blocks {
            let part = Array(words[block * threads * 11..<(block + 1) * threads * 11])
            let sender = UInt32((block + size - 1) % size)
            for i in 0..<threads {
                #expect(Array(part[4 * i..<4 * i + 4]) == [sender, UInt32(i), 2, 3])
                let floats = part[4 * (threads + i)..<4 * (threads + i) + 4].map(Float.init(bitPattern:))
                #expect(floats == [Float(i), 0.5, 0.25, 0.125])
                #expect(Array(part[8 * threads + 2 * i..<8 * threads + 2 * i + 2]) == [UInt32(i), sender])
                #expect(part[10 * threads + i] == UInt32(7 * i))
            }
        }
    }

    @Test(arguments: 0..<6) func blocksOfAGridPassWordsOn(seed: Int) throws {
        let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
        let blocks = 5
        let (words, first) = (
            try device.array(count: 4 * 128 * blocks), try device.array(count: 128 * blocks)
        )
        let kernel = try device.load(EveryPrimitive.blocks).kernel("pass_in_grid")
        try queue.launch(
            kernel, blocks: blocks, threads: 128, sharedMemory: 16 * 128, isCooperative: true,
            startsEarly: true, .address(words), .address(first))
        let result = try queue.words(first, count: 128 * blocks)
        for (index, word) in result.enumerated() {
            let previous = (index / 128 + blocks - 1) % blocks
            #expect(Int(word) == 127 - index % 128 + 1000 * previous)
        }
    }

    @Test(arguments: 0..<4) func ranksCountWithinEachClusterAlongX(seed: Int) throws {
        let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
        let text = """
            KERNEL(32, test, (u32* out)) {
                if (threadIdx.x == 0)
                    out[(blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x] = 100 * blockIdx.x + cluster_rank();
            }
            """
        let out = try device.array(count: 48), kernel = try device.kernel("test", in: text)
        try queue.launch(
            kernel, Launch(grid: (8, 3, 2), threads: 32, arguments: [.address(out)], clusterSize: 4))
        for (index, word) in try queue.words(out, count: 48).enumerated() {
            let x = index % 8
            #expect(Int(word) == 100 * x + x % 4)
        }
    }

    @Test(arguments: 0..<6) func eachBlockHasSharedMemoryOfItsOwn(seed: Int) throws {
        // Of both kinds; in each block, it begins as not a number.
        let text = """
            KERNEL(64, test, (u32* out)) {
                DYNAMIC_SHARED(memory);
                SHARED u32 fixed[64];
                u32* words = (u32*)memory;
                const u32 isNew = fixed[threadIdx.x] == ~0u && words[threadIdx.x] == ~0u;
                __syncthreads();
                fixed[threadIdx.x] = 100 * blockIdx.x + threadIdx.x;
                words[threadIdx.x] = 7 * fixed[threadIdx.x];
                cluster_barrier();
                const u32 other = 63 - threadIdx.x, value = 100 * blockIdx.x + other;
                out[blockIdx.x * 64 + threadIdx.x] = isNew && fixed[other] == value && words[other] == 7 * value;
            }
            """
        let words = try words(
            text, count: 8 * 64, seed: UInt64(seed), blocks: 8, threads: 64, sharedMemory: 256, clusterSize: 4
        )
        #expect(words.allSatisfy { $0 == 1 })
    }

    @Test(arguments: 0..<6) func whatIsSentMayGoToSharedMemoryOfFixedSize(seed: Int) throws {
        let text = """
            KERNEL(32, test, (u32* out)) {
                SHARED u32 words[32];
                SHARED u64 barrier;
                const u32 at = shared_address(&barrier), peer = cluster_rank() ^ 1;
                if (threadIdx.x == 0) {
                    barrier_init(at, 1);
                    barrier_publish();
                    barrier_expect(at, 128);
                }
                cluster_barrier();
                send(
                    peer_address(shared_address(&words[threadIdx.x]), peer), 100 * blockIdx.x + threadIdx.x,
                    peer_address(at, peer));
                barrier_wait(at, 0);
                out[blockIdx.x * 32 + threadIdx.x] = words[31 - threadIdx.x];
            }
            """
        let words = try words(text, count: 128, seed: UInt64(seed), blocks: 4, clusterSize: 2)
        for (index, word) in words.enumerated() {
            let peer = (index / 32) ^ 1
            #expect(Int(word) == 100 * peer + 31 - index % 32)
        }
    }

    @Test(arguments: [true, false]) func aMissingClusterBarrierShowsUnderSomeSeed(hasBarrier: Bool) throws {
        let text = """
            KERNEL(32, test, (u32* out)) {
                if (threadIdx.x == 0) out[blockIdx.x] = blockIdx.x;
                \(hasBarrier ? "cluster_barrier();" : "")
                if (threadIdx.x == 31) out[4 + blockIdx.x] = out[blockIdx.x ^ 3];
            }
            """
        let seeds = try (0..<20).filter { seed in
            try words(text, count: 8, seed: UInt64(seed), blocks: 4, clusterSize: 4) != [
                0, 1, 2, 3, 3, 2, 1, 0,
            ]
        }
        #expect(seeds.isEmpty == hasBarrier)
    }

    @Test(arguments: 0..<4) func threadsThatHaveEndedCountAsArrivedInTheCluster(seed: Int) throws {
        let text = """
            KERNEL(64, test, (u32* out)) {
                if (threadIdx.x % 3 == cluster_rank()) return;
                cluster_barrier();
                out[blockIdx.x * 64 + threadIdx.x] = 1;
            }
            """
        let words = try words(text, count: 128, seed: UInt64(seed), blocks: 2, threads: 64, clusterSize: 2)
        for (index, word) in words.enumerated() {
            let (rank, thread) = (index / 64, index % 64)
            #expect(word == (thread % 3 == rank ? UInt32.max : 1))
        }
    }

    @Test func aPhaseIsWaitedForByItsParity() throws {
        // The phase before the first is complete; bytes may come before they are expected; each phase counts from the start.
        let text = """
            KERNEL(32, test, (u32* out)) {
                DYNAMIC_SHARED(memory);
                const u32 barrier = shared_address(memory), buffer = barrier + 16;
                if (threadIdx.x == 0) barrier_init(barrier, 2);
                __syncthreads();
                barrier_wait(barrier, 1);
                for (u32 phase = 0; phase < 5; ++phase) {
                    send(buffer + 4 * threadIdx.x, 100 * phase + threadIdx.x, barrier);
                    if (threadIdx.x < 2) barrier_expect(barrier, 64);
                    barrier_wait(barrier, phase % 2);
                    out[32 * phase + threadIdx.x] = ((u32*)(memory + 16))[31 - threadIdx.x];
                    __syncthreads();
                }
            }
            """
        for seed in 0..<6 {
            let words = try words(
                text, count: 160, seed: UInt64(seed), blocks: 1, sharedMemory: 144, clusterSize: 1)
            for (index, word) in words.enumerated() {
                let phase = index / 32
                #expect(Int(word) == 100 * phase + 31 - index % 32)
            }
        }
    }

    @Test func aSeedGivesTheSameOrderEachTime() throws {
        // Which thread of which block sees the flag first depends on the order alone.
        let text = """
            KERNEL(64, test, (u32* out)) {
                for (int turn = 0; turn < 3; ++turn) {
                    cluster_barrier();
                    out[1 + out[0]] = blockIdx.x * 64 + threadIdx.x;
                    out[0] += 1;
                }
            }
            """
        func order(seed: UInt64) throws -> [UInt32] {
            let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
            let out = try device.array(count: 769)
            try queue.fillWithZeros(out, byteCount: 4)
            try queue.launch(
                try device.kernel("test", in: text), blocks: 4, threads: 64, clusterSize: 4, .address(out))
            return try queue.words(out, count: 769)
        }
        let orders = try (0..<10).map { try order(seed: $0) }
        #expect(try orders == (0..<10).map { try order(seed: $0) })
        #expect(Set(orders).count == 10)
    }
}
