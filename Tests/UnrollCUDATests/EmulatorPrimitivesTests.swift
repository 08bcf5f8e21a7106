import Testing
import UnrollBase
import UnrollCUDA

/// The twins of the primitives of `prelude.cuh`.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EmulatorPrimitivesTests {
    /// The nearest bfloat16, of two the even one; a NaN becomes 0x7fff.
    private func bfloat16(_ value: Float) -> UInt16 {
        guard !value.isNaN else { return 0x7fff }
        let lower = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
        switch value.bitPattern & 0xffff {
        case ..<0x8000: return lower
        case 0x8000: return lower + lower % 2
        default: return lower + 1
        }
    }

    @Test func bfloat16IsRoundedToNearestEven() throws {
        let text = """
            KERNEL(128, pairs, (const float* x, u32* y, int n)) {
                const int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < n) y[i] = bfloat16_pair(x[2 * i], x[2 * i + 1]);
            }
            """
        var bits: [UInt32] = [
            0x3f80_8000, 0x3f81_8000, 0x3f80_7fff, 0x3f80_8001, 0xbf80_8000, 0xbf81_8000, 0, 0x8000_0000,
            0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff, 0x7f7f_ffff,
            0x7f7f_8000, 0x7f7f_7fff, 0xff7f_ffff, 1, 0x7fff, 0x8000, 0x8001, 0x1_8000, 0x8000_8000,
            0x8001_8000, 0x7f_ffff,
        ]
        var word: UInt32 = 1
        for _ in 0..<4000 {
            word = word &* 1_664_525 &+ 1_013_904_223
            bits.append(word)
        }
        let device = EmulatedDevice(), queue = try device.makeQueue()
        let numbers = bits.map(Float.init(bitPattern:)), count = bits.count / 2
        let x = try device.array(numbers), y = try device.array(count: count)
        let kernel = try device.kernel("pairs", in: text)
        try queue.launch(
            kernel, blocks: (count + 127) / 128, threads: 128, .address(x), .address(y), .int(count))
        let pairs = try queue.words(y, count: count)
        for (i, pair) in pairs.enumerated() {
            #expect(UInt16(pair & 0xffff) == bfloat16(numbers[2 * i]), "\(bits[2 * i])")
            #expect(UInt16(pair >> 16) == bfloat16(numbers[2 * i + 1]), "\(bits[2 * i + 1])")
        }
    }

    @Test func threadsOfAWarpSeeWhatOthersWroteBeforeItsBarrier() throws {
        func isRight(_ barrier: String, seed: UInt64) throws -> Bool {
            let text = """
                KERNEL(64, turn, (u32* y)) {
                    SHARED u32 words[64];
                    words[threadIdx.x] = threadIdx.x;
                    \(barrier)
                    y[threadIdx.x] = words[threadIdx.x ^ 31];
                }
                """
            let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
            let y = try device.array(count: 64)
            try queue.launch(try device.kernel("turn", in: text), blocks: 1, threads: 64, .address(y))
            return try queue.words(y, count: 64) == (0..<64).map { UInt32($0 ^ 31) }
        }
        for seed in 0..<8 as Range<UInt64> { #expect(try isRight("warp_barrier();", seed: seed)) }
        #expect(try (0..<8 as Range<UInt64>).contains { try !isRight("", seed: $0) })
    }

    @Test(arguments: [0, 1])
    func aWarpMultipliesTiles(seed: Int) throws {
        let text = """
            KERNEL(64, tiles, (const float* a, const float* b, float* d)) {
                const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, r = lane / 4, q = lane % 4;
                a += warp * 256, b += warp * 128, d += warp * 128;
                u32 left[4], right[2];
                for (int i = 0; i < 4; ++i) {
                    const float* at = a + (r + i % 2 * 8) * 16 + i / 2 * 8 + 2 * q;
                    left[i] = bfloat16_pair(at[0], at[1]);
                }
                for (int i = 0; i < 2; ++i) {
                    const float* at = b + (2 * q + 8 * i) * 8 + r;
                    right[i] = bfloat16_pair(at[0], at[8]);
                }
                float sum[4];
                for (int i = 0; i < 4; ++i) sum[i] = d[(r + i / 2 * 8) * 8 + 2 * q + i % 2];
                multiply_add(sum, left, right);
                multiply_add(sum, left, right);
                for (int i = 0; i < 4; ++i) d[(r + i / 2 * 8) * 8 + 2 * q + i % 2] = sum[i];
            }
            """
        func numbers(_ count: Int, _ step: Int) -> [Float] {
            (0..<count).map { Float($0 * step % 1009) / 1009 - 0.4 }
        }
        let a = numbers(512, 389), b = numbers(256, 577), d = numbers(256, 271)
        let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
        let result = try device.array(d), kernel = try device.kernel("tiles", in: text)
        try queue.launch(
            kernel, threads: 64, .address(try device.array(a)), .address(try device.array(b)),
            .address(result))
        func rounded(_ value: Float) -> Double { Double(Float(bitPattern: UInt32(bfloat16(value)) << 16)) }
        for (index, value) in try queue.floats(result, count: 256).enumerated() {
            let warp = index / 128, row = index % 128 / 8, column = index % 8
            var expected = Double(d[index])
            for k in 0..<16 {
                expected +=
                    2 * rounded(a[warp * 256 + row * 16 + k]) * rounded(b[warp * 128 + k * 8 + column])
            }
            #expect(abs(Double(value) - expected) < 1e-5)
        }
    }

    @Test func builtInFunctionsAreThoseOfTheProcessor() throws {
        let text = """
            KERNEL(32, functions, (u32* y, float x, int n)) {
                const float values[] = {
                    tanhf(x), expf(x), logf(x), log1pf(x), sqrtf(x), fabsf(-x), fmaxf(x, 1), fminf(x, 1),
                    float(exp(double(x))), float(log(double(x))), float(sqrt(double(x))), max(x, 2.f), min(x, 2.f),
                    __int_as_float(__float_as_int(x)), __uint_as_float(__float_as_uint(x)),
                    float(isfinite(x) && !isfinite(x / 0) && !isfinite(__int_as_float(-1))),
                };
                if (threadIdx.x < 16) y[threadIdx.x] = __float_as_uint(values[threadIdx.x]);
                if (threadIdx.x == 16) y[16] = multiply_high(0xdeadbeefu, 0x12345678u);
                if (threadIdx.x == 17) y[17] = max(n, 3) * min(n, 3);
            }
            """
        let device = EmulatedDevice(), queue = try device.makeQueue()
        let y = try device.array(count: 18), kernel = try device.kernel("functions", in: text)
        try queue.launch(kernel, threads: 32, .address(y), .float(0.75), .int(-5))
        let words = try queue.words(y, count: 18)
        let expected: [Double] = [
            0.635149, 2.117, -0.287682, 0.559616, 0.866025, 0.75, 1, 0.75, 2.117, -0.287682, 0.866025, 2,
            0.75,
            0.75, 0.75, 1,
        ]
        for (word, value) in zip(words, expected) {
            #expect(abs(Double(Float(bitPattern: word)) - value) < 1e-6)
        }
        #expect(words[16] == UInt32((UInt64(0xdead_beef) * 0x1234_5678) >> 32))
        #expect(Int32(bitPattern: words[17]) == -15)
    }
}
