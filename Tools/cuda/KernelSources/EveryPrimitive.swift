import UnrollCUDA

/// Kernels that use every primitive of `prelude.cuh` and `exchange.cuh`, so that each is compiled.
package enum EveryPrimitive {
    /// A block by itself, and blocks that exchange data by way of global memory.
    package static let blocks = KernelSource(
        name: "the primitives of blocks",
        text: """
            KERNEL(128, everything, (float* out, const Float4* in, double* sums, int stride, int count)) {
                SHARED float parts[128];
                int i = threadIdx.x;
                Float4 value = in[blockIdx.x * stride + i];
                parts[i] = warp_xor(value.x + value.y, 1) + value.z * value.w;
                warp_barrier();
                sums[i] = parts[i ^ 1];
                __syncthreads();
                u32 a[4], b[2];
                for (int k = 0; k < 4; k++) a[k] = bfloat16_pair(parts[(i + k) % 128], value.x);
                for (int k = 0; k < 2; k++) b[k] = bfloat16_pair(value.y, parts[(i + 7 * k) % 128]);
                float d[4] = {0, 0, 0, 0};
                multiply_add(d, a, b);
                for (int k = 0; k < 4; k++) out[4 * i + k] = d[k];
                if (i < count) sums[i] = warp_xor(double(d[0]), 16) + multiply_high(u32(i), 0x9E3779B9u);
            }

            // A warp's matrices, which are copied to shared memory and loaded as they are and transposed.
            KERNEL(32, load_copies, (u32* out, const u32* in, int count)) {
                SHARED Word4 memory[2][32];
                const u32 i = threadIdx.x, place = shared_address(memory);
                copy_to_shared(place + 16 * i, in + 4 * i, int(i) < count);
                end_copies();
                copy_to_shared(place + 512 + 16 * i, in + 4 * (31 - i), true);
                end_copies();
                u32 words[4];
                wait_for_copies<1>();
                warp_barrier();
                load_matrices(words, place + 16 * i);
                for (int k = 0; k < 4; k++) out[4 * i + k] = words[k];
                wait_for_copies<0>();
                warp_barrier();
                load_transposed(words, place + 512 + 16 * i);
                for (int k = 0; k < 4; k++) out[128 + 4 * i + k] = words[k];
            }

            // Of each block, 128 words go to the one after it.
            KERNEL(128, pass_in_grid, (Word4* words, u32* first_words)) {
                DYNAMIC_SHARED(memory);
                wait_for_earlier_kernels();
                start_next_kernel();
                const u32 i = threadIdx.x, previous = (blockIdx.x + gridDim.x - 1) % gridDim.x;
                Word4* own = words + blockIdx.x * 128 + i;
                if (i % 2) {
                    store_relaxed((u64*)own, u64(blockIdx.x) << 32 | i);
                    store_relaxed((u64*)own + 1, u64(3) << 32 | 2);
                } else {
                    store_relaxed(own, Word4{i, blockIdx.x, 2, 3});
                }
                const Word4* place = words + previous * 128 + i;
                Word4 v = load_relaxed(place);
                Watchdog watchdog;
                while (v.x == ~0u || v.y == ~0u || v.z == ~0u || v.w == ~0u) {
                    watchdog.turn();
                    v = load_relaxed(place);
                }
                ((Word4*)memory)[i] = v;
                __syncthreads();
                v = load_shared(shared_address(memory) + 16 * (127 - i));
                store_relaxed(first_words + blockIdx.x * 128 + i, v.x + 1000 * v.y);
            }
            """)

    /// Blocks that exchange data in a cluster: each sends 44 bytes for each thread to the one after it.
    package static let clusters = KernelSource(
        name: "the primitives of clusters",
        text: """
            KERNEL(128, pass_in_cluster, (Word4* out, int size)) {
                DYNAMIC_SHARED(memory);
                const u32 i = threadIdx.x, barrier = shared_address(memory), buffer = barrier + 16;
                const u32 rank = cluster_rank(), next = (rank + 1) % size;
                if (i == 0) {
                    barrier_init(barrier, 1);
                    barrier_publish();
                }
                cluster_barrier();
                if (i == 0) barrier_expect(barrier, 44 * blockDim.x);
                const u32 place = peer_address(buffer, next), arrival = peer_address(barrier, next);
                send(place + 16 * i, Word4{rank, i, 2, 3}, arrival);
                send(place + 16 * (blockDim.x + i), Float4{float(i), 0.5f, 0.25f, 0.125f}, arrival);
                send(place + 32 * blockDim.x + 8 * i, u64(rank) << 32 | i, arrival);
                send(place + 40 * blockDim.x + 4 * i, 7 * i, arrival);
                barrier_wait(barrier, 0);
                for (u32 k = i; k < 11 * blockDim.x / 4; k += blockDim.x)
                    out[blockIdx.x * 11 * blockDim.x / 4 + k] = load_shared(buffer + 16 * k);
            }
            """)
}
