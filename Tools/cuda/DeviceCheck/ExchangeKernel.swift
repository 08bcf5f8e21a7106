import UnrollCUDA

/// A recurrence as persistent kernels have it, of whole numbers so that every result is exact, and with places for faults.
///
/// Each block of a cluster has 32 units, whose states it computes from those of all units. Warps share the sum among each
/// other, each over a part of the units, and each sends the block's new states to a part of the blocks.
package struct ExchangeKernel {
    /// How often the states and the sums of warps are there, so that one can be written while the other is read.
    let stateBuffers, sumBuffers: Int
    /// Bytes that a barrier expects beside those of all units.
    let surplus: Int
    /// What all threads do before the first step, and after they have made their sums.
    let start, afterSums: String

    /// The kernel `exchange`, of up to 512 threads.
    package var text: String {
        """
        DEVICE u32 weight(u32 unit, u32 k) { return (unit * 2654435761u ^ k * 40503u) | 1; }

        KERNEL(512, exchange, (const u32* first, u32* out, int size, int steps)) {
            DYNAMIC_SHARED(memory);
            SHARED u32 sums[2][16][32];
            const u32 lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
            const u32 rank = cluster_rank(), unit = 32 * rank + lane, units = 32 * size, share = units / warps;
            const u32 barriers = shared_address(memory), buffers = barriers + 16;
            const u32 cluster = blockIdx.x / size * units;
            if (threadIdx.x == 0) {
                barrier_init(barriers, 1);
                barrier_init(barriers + 8, 1);
                barrier_publish();
            }
            for (u32 i = threadIdx.x; i < units; i += blockDim.x) ((u32*)(memory + 16))[i] = first[cluster + i];
            __syncthreads();
            \(start)
            for (int t = 0; t < steps; ++t) {
                const bool isLast = t + 1 == steps;
                const u32 now = buffers + t % \(stateBuffers) * 4 * units, next = buffers + (t + 1) % \(stateBuffers) * 4 * units;
                const u32 barrier = barriers + 8 * (t % 2), next_barrier = barriers + 8 * ((t + 1) % 2);
                if (threadIdx.x == 0 && !isLast) barrier_expect(next_barrier, 4 * units + \(surplus));
                if (t) barrier_wait(barrier, (t - 1) / 2 % 2);
                u32 sum = 0;
                for (u32 k = warp * share; k < (warp + 1) * share; k += 4) {
                    const Word4 v = load_shared(now + 4 * k);
                    sum += weight(unit, k) * v.x + weight(unit, k + 1) * v.y;
                    sum += weight(unit, k + 2) * v.z + weight(unit, k + 3) * v.w;
                }
                sums[t % \(sumBuffers)][warp][lane] = sum;
                \(afterSums)
                sum = t;
                for (u32 w = 0; w < warps; ++w) sum += sums[t % \(sumBuffers)][w][lane];
                if (isLast) {
                    if (warp == 0) out[cluster + unit] = sum;
                } else {
                    for (u32 peer = warp; peer < u32(size); peer += warps)
                        send(peer_address(next + 4 * unit, peer), sum, peer_address(next_barrier, peer));
                }
            }
            // No block may end while others may still send to it.
            cluster_barrier();
        }
        """
    }

    /// A kernel with its faults, none by default.
    package init(
        stateBuffers: Int = 2, sumBuffers: Int = 2, surplus: Int = 0, start: String = "cluster_barrier();",
        afterSums: String = "__syncthreads();"
    ) {
        self.stateBuffers = stateBuffers
        self.sumBuffers = sumBuffers
        self.surplus = surplus
        self.start = start
        self.afterSums = afterSums
    }

    /// A launch of the kernel.
    ///
    /// - Parameters:
    ///   - states: The first states, 32 for each block.
    ///   - out: Becomes the last states.
    ///   - size: Blocks of a cluster.
    ///   - clusters: Clusters, each with states of its own.
    ///   - threads: Threads of a block. Each warp has as many units, a multiple of 4.
    ///   - steps: Time steps.
    ///   - sharedMemory: Bytes. Default: those that it needs.
    /// - Returns: The launch.
    package func launch(
        from states: DeviceAddress, to out: DeviceAddress, size: Int, clusters: Int, threads: Int, steps: Int,
        sharedMemory: Int? = nil
    ) -> Launch {
        Launch(
            grid: (size * clusters, 1, 1), threads: threads,
            arguments: [.address(states), .address(out), .int(size), .int(steps)],
            sharedMemory: sharedMemory ?? 16 + stateBuffers * 128 * size, clusterSize: size)
    }

    /// First states without a pattern.
    package static func firstStates(count: Int) -> [UInt32] {
        (0..<UInt32(count)).map { $0 &* 747_796_405 &+ 2_891_336_453 }
    }

    /// What the kernel computes from first states, those of one cluster after the other.
    package static func states(after first: [UInt32], size: Int, steps: Int) -> [UInt32] {
        let units = 32 * size
        let weights = (0..<units * units).map { index in
            (UInt32(index / units) &* 2_654_435_761 ^ UInt32(index % units) &* 40503) | 1
        }
        var states = first
        for step in 0..<steps {
            states = states.indices.map { index in
                let cluster = index / units * units, row = index % units * units
                var sum = UInt32(step)
                for k in 0..<units { sum &+= weights[row + k] &* states[cluster + k] }
                return sum
            }
        }
        return states
    }
}
