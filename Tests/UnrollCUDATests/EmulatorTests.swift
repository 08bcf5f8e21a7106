import Testing
import UnrollCUDA

/// What kernels compute on the emulator, and that it finds what is wrong with them.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EmulatorTests {
    private static let sums = """
        template <int N> DEVICE float total(float value) {
            SHARED float parts[N];
            parts[threadIdx.x] = value;
            __syncthreads();
            for (int width = N / 2; width; width /= 2) {
                if (threadIdx.x < width) parts[threadIdx.x] += parts[threadIdx.x + width];
                __syncthreads();
            }
            return parts[0];
        }
        KERNEL(256, wide, (const float* __restrict__ x, float* __restrict__ y)) {
            const float sum = total<256>(x[blockIdx.x * blockDim.x + threadIdx.x]);
            if (!threadIdx.x) y[blockIdx.x] = sum;
        }
        KERNEL(64, narrow, (const float* x, float* y)) {
            y[blockIdx.x * blockDim.x + threadIdx.x] = total<64>(x[blockIdx.x * blockDim.x + threadIdx.x]);
        }
        KERNEL(128, warps, (const float* x, float* y)) {
            const int i = blockIdx.x * blockDim.x + threadIdx.x;
            float sum = x[i];
            double exact = 1e9 * sum;
            #pragma unroll
            for (int mask = 16; mask; mask /= 2) {
                sum += warp_xor(sum, mask);
                exact += warp_xor(exact, mask);
            }
            y[i] = exact == 1e9 * sum ? sum : -1;
        }
        """

    @Test(arguments: 0..<8)
    func blocksAndWarpsAddTheirNumbers(seed: Int) throws {
        let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
        let numbers = (0..<1024).map { Float($0 * 7 % 31) }
        let x = try device.array(numbers), y = try device.array(count: 1024)
        for (name, threads, group) in [("wide", 256, 256), ("narrow", 64, 64), ("warps", 128, 32)] {
            let kernel = try device.kernel(name, in: Self.sums)
            try queue.launch(kernel, blocks: 1024 / threads, threads: threads, .address(x), .address(y))
            let sums = (0..<1024 / group).map { part in
                numbers[part * group..<(part + 1) * group].reduce(0, +)
            }
            if name == "wide" {
                #expect(try queue.floats(y, count: 4) == sums)
            } else {
                #expect(try queue.floats(y, count: 1024) == (0..<1024).map { sums[$0 / group] })
            }
        }
    }

    @Test(arguments: [true, false])
    func aMissingBarrierShowsUnderSomeSeed(hasBarrier: Bool) throws {
        // In order, each thread finds what the one before has written, with a barrier or without.
        let text = """
            KERNEL(256, shift, (float* y)) {
                SHARED float x[256];
                x[threadIdx.x] = threadIdx.x;
                \(hasBarrier ? "__syncthreads();" : "")
                y[threadIdx.x] = threadIdx.x ? x[threadIdx.x - 1] : -1;
            }
            """
        let device = EmulatedDevice(), queue = try device.makeQueue()
        let y = try device.array(count: 256), kernel = try device.kernel("shift", in: text)
        let seeds = try (0...20).filter { seed in
            device.seed = UInt64(seed)
            try queue.launch(kernel, threads: 256, .address(y))
            return try queue.floats(y, count: 256) != (-1..<255).map(Float.init)
        }
        #expect(seeds.isEmpty == hasBarrier)
        #expect(!seeds.contains(0))
    }

    @Test func aBufferThatIsWrittenTooEarlyShowsUnderSomeSeed() throws {
        // A barrier is missing before the next turn: warps that run ahead of others overwrite what these have not read.
        let text = """
            KERNEL(128, turns, (float* y)) {
                SHARED float x[128];
                float value = threadIdx.x, sum = 0;
                for (int turn = 0; turn < 8; ++turn) {
                    x[threadIdx.x] = value;
                    __syncthreads();
                    value = x[threadIdx.x ^ 64] + 1;
                    sum += value;
                }
                y[threadIdx.x] = sum;
            }
            """
        let device = EmulatedDevice(), queue = try device.makeQueue()
        let y = try device.array(count: 128), kernel = try device.kernel("turns", in: text)
        let results = try (1...20).map { seed in
            device.seed = UInt64(seed)
            try queue.launch(kernel, threads: 128, .address(y))
            return try queue.floats(y, count: 128)
        }
        #expect(Set(results).count > 1)
    }

    @Test func blocksHaveTheirPlaceInThreeDimensions() throws {
        let text = """
            KERNEL(64, places, (float* y)) {
                const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
                y[block * blockDim.x + threadIdx.x] = 100 * block + threadIdx.x + threadIdx.y + 1000000 * (blockDim.z - 1);
            }
            """
        let device = EmulatedDevice(seed: 3), queue = try device.makeQueue()
        let y = try device.array(count: 60 * 32), kernel = try device.kernel("places", in: text)
        try queue.launch(kernel, Launch(grid: (3, 4, 5), threads: 32, arguments: [.address(y)]))
        for (index, value) in try queue.floats(y, count: 60 * 32).enumerated() {
            #expect(Int(value) == index / 32 * 100 + index % 32)
        }
    }

    @Test func whatIsNotWrittenIsNotANumber() throws {
        let text = """
            KERNEL(32, unwritten, (const float* x, float* y)) {
                SHARED float s[32];
                y[blockIdx.x * 64 + threadIdx.x] = x[threadIdx.x];
                y[blockIdx.x * 64 + 32 + threadIdx.x] = s[threadIdx.x];
                s[threadIdx.x] = 1;
            }
            """
        let device = EmulatedDevice(), queue = try device.makeQueue()
        let x = try device.array(count: 32), y = try device.array(count: 128)
        try queue.launch(
            try device.kernel("unwritten", in: text), blocks: 2, threads: 32, .address(x), .address(y))
        #expect(try queue.floats(y, count: 128).allSatisfy(\.isNaN))
    }

    @Test func threadsThatHaveEndedCountAsArrived() throws {
        let text = """
            KERNEL(128, leave, (float* y)) {
                if (threadIdx.x >= 70) return;
                __syncthreads();
                y[threadIdx.x] = 1;
            }
            """
        for seed in 0..<4 {
            let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
            let y = try device.array(count: 70)
            try queue.launch(try device.kernel("leave", in: text), threads: 128, .address(y))
            #expect(try queue.floats(y, count: 70).allSatisfy { $0 == 1 })
        }
    }

    @Test(arguments: [
        ("if (threadIdx.x % 2) y[threadIdx.x] = warp_xor(1.f, 1);", "deadlock; of 64 threads 0 wait"),
        (
            "if (threadIdx.x % 2) __syncthreads(); else y[0] = warp_xor(1.f, 2);",
            "32 wait at __syncthreads, 32 at warp_xor"
        ),
        ("y[0] = threadIdx.x % 2 ? warp_xor(1.f, 1) : warp_xor(1.0, 1);", "while others call warp_xor of"),
        ("y[0] = warp_xor(1.f, 32);", "no lane for the mask 32"),
    ])
    func whatWouldHangIsAnError(body: String, message: String) throws {
        let device = EmulatedDevice(), queue = try device.makeQueue()
        let kernel = try device.kernel("stuck", in: "KERNEL(64, stuck, (float* y)) { \(body) }")
        try queue.launch(kernel, blocks: 2, threads: 64, .address(try device.array(count: 64)))
        let error = #expect(throws: CUDAError.self) { try queue.synchronize() }
        #expect(error?.description.contains("kernel 'stuck', block (0, 0, 0)") == true)
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func atBarriersTheFibersAreFast() throws {
        let text = """
            KERNEL(256, barriers, (float* y)) {
                for (int i = 0; i < 100; ++i) __syncthreads();
                y[threadIdx.x] = 0;
            }
            """
        for seed in [0, 1] {
            let device = EmulatedDevice(seed: UInt64(seed)), queue = try device.makeQueue()
            let y = try device.array(count: 256), kernel = try device.kernel("barriers", in: text)
            try queue.launch(kernel, threads: 256, .address(y))
            let time = try ContinuousClock().measure {
                try queue.launch(kernel, threads: 256, .address(y))
            }
            print("100 barriers of 256 emulated threads, seed \(seed): \(time)")
        }
    }
}
