import Testing
import UnrollCUDA

/// Launches of blocks that all run at the same time, and what the emulated device refuses.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct GridTests {
    /// A kernel whose blocks store as many numbers as they have threads in each step, and read those of all.
    ///
    /// What nothing has stored yet is not a number, as memory begins.
    private static func text(isThere: String = "v.x != ~0u && v.y != ~0u && v.z != ~0u && v.w != ~0u")
        -> String
    {
        """
        KERNEL(128, exchange, (u32* history, u32* out, int steps)) {
            const u32 count = gridDim.x * blockDim.x, place = blockIdx.x * blockDim.x + threadIdx.x;
            u32 state = place;
            for (int t = 0; t < steps; ++t) {
                u32* numbers = history + t * count;
                // Four numbers at once from one thread of four.
                const u32 x = __float_as_uint(warp_xor(__uint_as_float(state), 1));
                const u32 y = __float_as_uint(warp_xor(__uint_as_float(state), 2));
                const u32 z = __float_as_uint(warp_xor(__uint_as_float(state), 3));
                if (threadIdx.x % 4 == 0) store_relaxed((Word4*)(numbers + place), Word4{state, x, y, z});
                u32 sum = 0;
                for (u32 i = 0; i < count; i += 4) {
                    Word4 v;
                    do v = load_relaxed((const Word4*)(numbers + i)); while (!(\(isThere)));
                    sum += (i + 1) * v.x + (i + 2) * v.y + (i + 3) * v.z + (i + 4) * v.w;
                }
                state = (sum + place) & 0xffffff;
            }
            out[place] = state;
        }
        """
    }

    /// Whether the exchange comes to the right numbers.
    private func isRight(
        _ text: String = GridTests.text(), blocks: Int, threads: Int = 32, seed: UInt64,
        isCooperative: Bool = true
    ) throws -> Bool {
        let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
        let steps = 3, count = blocks * threads
        let history = try device.array(count: steps * count), out = try device.array(count: count)
        try queue.launch(
            try device.kernel("exchange", in: text), blocks: blocks, threads: threads,
            isCooperative: isCooperative, .address(history), .address(out), .int(steps))
        var states = (0..<UInt32(count)).map(\.self)
        for _ in 0..<steps {
            let sum = states.indices.reduce(into: UInt32(0)) { $0 &+= UInt32($1 + 1) &* states[$1] }
            states = states.indices.map { (sum &+ UInt32($0)) & 0xffffff }
        }
        return try queue.words(out, count: count) == states
    }

    @Test(arguments: [1, 3, 12], 0..<5) func blocksThatPollEachOthersNumbersAreRight(blocks: Int, seed: Int)
        throws
    {
        #expect(try isRight(blocks: blocks, threads: blocks == 3 ? 128 : 32, seed: UInt64(seed)))
    }

    @Test func numbersThatAreTakenForThereAreFoundUnderSomeSeed() throws {
        let found = try (0..<24).filter { seed in
            try !isRight(Self.text(isThere: "v.x != ~0u"), blocks: 4, seed: UInt64(seed))
        }
        #expect(!found.isEmpty)
    }

    @Test(arguments: [0, 1]) func blocksThatWaitForOnesThatDoNotRunAreADeadlock(seed: UInt64) throws {
        #expect {
            try isRight(blocks: 4, seed: seed, isCooperative: false)
        } throws: {
            "\($0)".contains("deadlock; of 32 threads")
                && "\($0)".contains("32 poll global memory, 0 have ended")
        }
    }

    @Test(arguments: 0..<6) func blocksOfAGridFormClustersToo(seed: UInt64) throws {
        let text = """
            KERNEL(32, both, (u32* words, u32* out)) {
                DYNAMIC_SHARED(memory);
                ((u32*)memory)[threadIdx.x] = cluster_rank();
                cluster_barrier();
                if (threadIdx.x == 0)
                    store_relaxed((Word4*)words + blockIdx.x, Word4{blockIdx.x, *(u32*)memory, gridDim.x, 0});
                Word4 v;
                do v = load_relaxed((const Word4*)words + (gridDim.x - 1 - blockIdx.x)); while (v.z == ~0u || v.y == ~0u || v.x == ~0u);
                if (threadIdx.x == 0) out[blockIdx.x] = 10 * v.x + v.y;
            }
            """
        let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
        let words = try device.array(count: 32), out = try device.array(count: 8)
        try queue.launch(
            try device.kernel("both", in: text), blocks: 8, threads: 32, sharedMemory: 128, clusterSize: 4,
            isCooperative: true, .address(words), .address(out))
        for (index, word) in try queue.words(out, count: 8).enumerated() {
            let other = 7 - index
            #expect(Int(word) == 10 * other + other % 4)
        }
    }

    @Test func launchesThatTheGPUCannotRunAreRefused() throws {
        let text = "KERNEL(32, nothing, ()) {}"
        func refusal(
            blocks: Int = 16, sharedMemory: Int = 0, clusterSize: Int = 1, isCooperative: Bool = false,
            startsEarly: Bool = false, capability: ComputeCapability = ComputeCapability(9, 0)
        ) throws -> String? {
            let device = EmulatedDevice(capability: capability), queue = try device.makeQueue()
            let kernel = try device.kernel("nothing", in: text)
            do throws(CUDAError) {
                try queue.launch(
                    kernel,
                    Launch(
                        grid: (blocks, 1, 1), threads: 32, arguments: [], sharedMemory: sharedMemory,
                        clusterSize: clusterSize, isCooperative: isCooperative, startsEarly: startsEarly))
                return nil
            } catch {
                return error.description
            }
        }
        #expect(try refusal(sharedMemory: 227 << 10, clusterSize: 16) == nil)
        #expect(try refusal(sharedMemory: 227 << 10 + 1)?.contains("bytes of shared memory") == true)
        #expect(
            try refusal(blocks: 15, clusterSize: 2)?.contains("clusters of 2 blocks; the grid has 15") == true
        )
        for size in [0, 3, 32] { #expect(try refusal(blocks: 96, clusterSize: size) != nil) }
        #expect(try refusal(blocks: 132, isCooperative: true) == nil)
        #expect(try refusal(blocks: 133, isCooperative: true)?.contains("133 blocks for 132") == true)
        let old = ComputeCapability(8, 9)
        #expect(try refusal(isCooperative: true, capability: old) == nil)
        #expect(try refusal(clusterSize: 2, capability: old)?.contains("compute capability 9.0") == true)
        #expect(try refusal(startsEarly: true, capability: old)?.contains("compute capability 9.0") == true)
    }

    @Test func activeClustersAreThoseOfTheMultiprocessors() throws {
        let device = EmulatedDevice()
        let kernel = try device.kernel("nothing", in: "KERNEL(32, nothing, ()) {}")
        for (size, count) in [(2, 64), (8, 16), (16, 8)] {
            let launch = Launch(grid: (16, 1, 1), threads: 32, arguments: [], clusterSize: size)
            #expect(try device.activeClusters(of: kernel, launch) == count)
        }
        #expect(device.properties.hasClusters && device.properties.multiprocessors == 132)
    }
}
