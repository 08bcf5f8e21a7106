// The product of a recurrent step in three ways: 8 rows of a minibatch, 32 of 512 units, all 512 inputs. That is one
// block's share of a cluster of 16 for 32 rows and H = 512, with four clusters. Weights stay in registers, states lie in
// shared memory, and each step changes the block's own part of them, so that steps depend on each other.
//
// Weights [32][512] and states [8][512] are float32. `result` is [8][32] after the first step, for block 0.

#define ROWS 8
#define UNITS 32
#define INPUTS 512
#define STRIDE (INPUTS + 4)

// What a step makes of a sum: bounded, and different in every step.
DEVICE float state_of(float sum) { return sum * 0.01f - 0.5f; }

// The sums of eight warps, for the thread's own unit and row: unit = thread % 32, row = thread / 32.
DEVICE float total(const float* parts) {
    float sum = 0;
#pragma unroll
    for (int warp = 0; warp < 8; warp++) sum += parts[warp * 256 + threadIdx.x];
    return sum;
}

// Multiply-adds of float32: each thread has 4 units and 16 inputs, for all rows.
KERNEL __launch_bounds__(256, 1) step_float32(
    u64* out, const float* weights, const float* states, float* result, int steps) {
    __shared__ __align__(16) float h[ROWS][STRIDE];
    __shared__ float parts[8 * 256];
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const int unit = lane % 8 * 4, input = warp * 64 + lane / 8 * 16;
    float w[4][16];
#pragma unroll
    for (int u = 0; u < 4; u++)
#pragma unroll
        for (int k = 0; k < 16; k++) w[u][k] = weights[(unit + u) * INPUTS + input + k];
    for (int i = thread; i < ROWS * INPUTS; i += 256) h[i / INPUTS][i % INPUTS] = states[i];
    __syncthreads();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        float sum[4][ROWS];
#pragma unroll
        for (int row = 0; row < ROWS; row++) {
#pragma unroll
            for (int u = 0; u < 4; u++) sum[u][row] = 0;
#pragma unroll
            for (int k = 0; k < 16; k += 4) {
                const float4 x = *(const float4*)&h[row][input + k];
#pragma unroll
                for (int u = 0; u < 4; u++) {
                    sum[u][row] = fmaf(w[u][k], x.x, sum[u][row]);
                    sum[u][row] = fmaf(w[u][k + 1], x.y, sum[u][row]);
                    sum[u][row] = fmaf(w[u][k + 2], x.z, sum[u][row]);
                    sum[u][row] = fmaf(w[u][k + 3], x.w, sum[u][row]);
                }
            }
        }
        // Of four threads with the same units, each adds up two rows: first half of the rows is exchanged, then a half
        // of that.
        const bool upper = lane & 16, odd = lane & 8;
#pragma unroll
        for (int u = 0; u < 4; u++) {
            float half[4];
#pragma unroll
            for (int r = 0; r < 4; r++) {
                const float sent = upper ? sum[u][r] : sum[u][r + 4], kept = upper ? sum[u][r + 4] : sum[u][r];
                half[r] = kept + __shfl_xor_sync(0xffffffffu, sent, 16);
            }
#pragma unroll
            for (int r = 0; r < 2; r++) {
                const float sent = odd ? half[r] : half[r + 2], kept = odd ? half[r + 2] : half[r];
                const int row = (upper ? 4 : 0) + (odd ? 2 : 0) + r;
                parts[warp * 256 + row * 32 + unit + u] = kept + __shfl_xor_sync(0xffffffffu, sent, 8);
            }
        }
        __syncthreads();
        const float sum_of_all = total(parts);
        if (t == 0 && blockIdx.x == 0) result[thread] = sum_of_all;
        h[thread / 32][thread % 32] = state_of(sum_of_all);
        __syncthreads();
    }
    const long long end = clock64();
    if (thread == 0) out[blockIdx.x] = (end - start) / steps;
}

// Two tiles of 16 units by 8 rows of a warp's inputs, to the place where `total` finds them.
DEVICE void store_tiles(float* parts, const float (&d)[2][4], int warp, int lane) {
#pragma unroll
    for (int tile = 0; tile < 2; tile++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int unit = tile * 16 + lane / 4 + i / 2 * 8, row = lane % 4 * 2 + i % 2;
            parts[warp * 256 + row * 32 + unit] = d[tile][i];
        }
}

DEVICE u32 pair(u16 low, u16 high) { return (u32)low | (u32)high << 16; }

// Three products of bfloat16: each number is the sum of two, and the product of the small parts is left out.
KERNEL __launch_bounds__(256, 1) step_bf16x3(
    u64* out, const float* weights, const float* states, float* result, int steps) {
    __shared__ __align__(16) u16 h[2][ROWS][INPUTS + 8];
    __shared__ float parts[8 * 256];
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    u32 w[2][4][2][4]; // [high and low][product][tile][register]
#pragma unroll
    for (int k = 0; k < 4; k++)
#pragma unroll
        for (int tile = 0; tile < 2; tile++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int unit = tile * 16 + lane / 4 + i % 2 * 8;
                const int input = warp * 64 + k * 16 + lane % 4 * 2 + i / 2 * 8;
                const float a = weights[unit * INPUTS + input], b = weights[unit * INPUTS + input + 1];
                const u16 high_a = bf16(a), high_b = bf16(b);
                w[0][k][tile][i] = pair(high_a, high_b);
                w[1][k][tile][i] = pair(bf16(a - from_bf16(high_a)), bf16(b - from_bf16(high_b)));
            }
    for (int i = thread; i < ROWS * INPUTS; i += 256) {
        const u16 high = bf16(states[i]);
        h[0][i / INPUTS][i % INPUTS] = high;
        h[1][i / INPUTS][i % INPUTS] = bf16(states[i] - from_bf16(high));
    }
    __syncthreads();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        float d[2][4] = {};
#pragma unroll
        for (int k = 0; k < 4; k++) {
            const int input = warp * 64 + k * 16 + lane % 4 * 2;
            u32 b[2][2];
#pragma unroll
            for (int part = 0; part < 2; part++)
#pragma unroll
                for (int i = 0; i < 2; i++) b[part][i] = *(const u32*)&h[part][lane / 4][input + 8 * i];
#pragma unroll
            for (int product = 0; product < 3; product++)
#pragma unroll
                for (int tile = 0; tile < 2; tile++) {
                    const u32(&a)[4] = w[product == 1][k][tile];
                    const u32(&x)[2] = b[product == 2];
                    mma_bf16(d[tile], a[0], a[1], a[2], a[3], x[0], x[1]);
                }
        }
        store_tiles(parts, d, warp, lane);
        __syncthreads();
        const float sum = total(parts);
        if (t == 0 && blockIdx.x == 0) result[thread] = sum;
        const float state = state_of(sum);
        const u16 high = bf16(state);
        h[0][thread / 32][thread % 32] = high;
        h[1][thread / 32][thread % 32] = bf16(state - from_bf16(high));
        __syncthreads();
    }
    const long long end = clock64();
    if (thread == 0) out[blockIdx.x] = (end - start) / steps;
}

// Three products of TF32.
KERNEL __launch_bounds__(256, 1) step_tf32x3(
    u64* out, const float* weights, const float* states, float* result, int steps) {
    __shared__ u32 h[2][ROWS][STRIDE];
    __shared__ float parts[8 * 256];
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    u32 w[2][8][2][4];
#pragma unroll
    for (int k = 0; k < 8; k++)
#pragma unroll
        for (int tile = 0; tile < 2; tile++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int unit = tile * 16 + lane / 4 + i % 2 * 8, input = warp * 64 + k * 8 + lane % 4 + i / 2 * 4;
                const float a = weights[unit * INPUTS + input];
                w[0][k][tile][i] = tf32(a);
                w[1][k][tile][i] = tf32(a - __uint_as_float(w[0][k][tile][i]));
            }
    for (int i = thread; i < ROWS * INPUTS; i += 256) {
        const u32 high = tf32(states[i]);
        h[0][i / INPUTS][i % INPUTS] = high;
        h[1][i / INPUTS][i % INPUTS] = tf32(states[i] - __uint_as_float(high));
    }
    __syncthreads();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        float d[2][4] = {};
#pragma unroll
        for (int k = 0; k < 8; k++) {
            const int input = warp * 64 + k * 8 + lane % 4;
            u32 b[2][2];
#pragma unroll
            for (int part = 0; part < 2; part++)
#pragma unroll
                for (int i = 0; i < 2; i++) b[part][i] = h[part][lane / 4][input + 4 * i];
#pragma unroll
            for (int product = 0; product < 3; product++)
#pragma unroll
                for (int tile = 0; tile < 2; tile++) {
                    const u32(&a)[4] = w[product == 1][k][tile];
                    const u32(&x)[2] = b[product == 2];
                    mma_tf32(d[tile], a[0], a[1], a[2], a[3], x[0], x[1]);
                }
        }
        store_tiles(parts, d, warp, lane);
        __syncthreads();
        const float sum = total(parts);
        if (t == 0 && blockIdx.x == 0) result[thread] = sum;
        const float state = state_of(sum);
        const u32 high = tf32(state);
        h[0][thread / 32][thread % 32] = high;
        h[1][thread / 32][thread % 32] = tf32(state - __uint_as_float(high));
        __syncthreads();
    }
    const long long end = clock64();
    if (thread == 0) out[blockIdx.x] = (end - start) / steps;
}
