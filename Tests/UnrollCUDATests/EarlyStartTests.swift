import Testing
import UnrollCUDA

/// Kernels of a graph that start early: what they touch before they wait is found, and all else is as in order.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct EarlyStartTests {
    // Each adds to the number of the kernel before it, and has shared memory that the others must not change.
    private static func text(read: String = "", afterWaiting: String = "x = values[i];") -> String {
        """
        KERNEL(64, first, (u32* values, u32* out)) {
            SHARED u32 parts[64];
            const u32 i = blockIdx.x * 64 + threadIdx.x;
            parts[threadIdx.x] = i;
            __syncthreads();
            values[i] = parts[63 - threadIdx.x];
        }
        KERNEL(64, next, (u32* values, u32* out)) {
            SHARED u32 parts[64];
            const u32 i = blockIdx.x * 64 + threadIdx.x;
            u32 x = 0;
            start_next_kernel();
            parts[threadIdx.x] = 1000 * (threadIdx.x + 1);
            __syncthreads();
            \(read)
            wait_for_earlier_kernels();
            \(afterWaiting)
            values[i] = x + parts[63 - threadIdx.x];
        }
        KERNEL(64, last, (u32* values, u32* out)) {
            const u32 i = blockIdx.x * 64 + threadIdx.x;
            wait_for_earlier_kernels();
            out[i] = values[i];
        }
        """
    }

    /// Whether a graph of four kernels, of which all but the first start early, comes to the right numbers.
    private func isRight(_ text: String, seed: UInt64) throws -> Bool {
        let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
        let module = try device.load(KernelSource(name: "kernels that start early", text: text))
        let values = try device.array(count: 192), out = try device.array(count: 192)
        let graph = try queue.capture {
            try queue.fillWithZeros(out, byteCount: 768)
            for name in ["first", "next", "next", "last"] {
                try queue.launch(
                    try module.kernel(name), blocks: 3, threads: 64, startsEarly: name != "first",
                    .address(values), .address(out))
            }
        }
        try queue.launch(graph)
        let words = try queue.words(out, count: 192)
        #expect(device.launches == ["first": 1, "next": 2, "last": 1])
        return words.enumerated().allSatisfy { index, word in
            let mirrored = 63 - index % 64
            return Int(word) == index / 64 * 64 + mirrored + 2000 * (mirrored + 1)
        }
    }

    @Test(arguments: 0..<12) func kernelsThatWaitAreRightInEveryOrder(seed: UInt64) throws {
        #expect(try isRight(Self.text(), seed: seed))
    }

    @Test func readingBeforeWaitingIsFoundUnderSomeSeed() throws {
        let text = Self.text(read: "x = values[i];", afterWaiting: "")
        let found = try (0..<24).filter { try !isRight(text, seed: $0) }
        #expect(!found.isEmpty && !found.contains(0))
    }

    @Test func writingBeforeWaitingIsFoundUnderSomeSeed() throws {
        let text = Self.text(read: "x = values[i]; values[i] = 5;", afterWaiting: "")
        #expect(try (1..<24).contains { try !isRight(text, seed: $0) })
    }

    @Test func afterAKernelThatFailsNoOtherRuns() throws {
        let text = """
            KERNEL(32, wrong, (u32* out)) { if (threadIdx.x == 0) __syncthreads(), warp_xor(1.f, 1); }
            KERNEL(32, next, (u32* out)) { wait_for_earlier_kernels(); out[threadIdx.x] = 1; }
            """
        for seed in UInt64(0)..<6 {
            let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
            let module = try device.load(KernelSource(name: "a kernel that hangs", text: text))
            let out = try device.array(count: 32)
            let graph = try queue.capture {
                try queue.launch(try module.kernel("wrong"), threads: 32, .address(out))
                try queue.launch(try module.kernel("next"), threads: 32, startsEarly: true, .address(out))
            }
            try queue.launch(graph)
            let error = #expect(throws: CUDAError.self) { try queue.synchronize() }
            #expect(error?.description.contains("kernel 'wrong', block (0, 0, 0): deadlock") == true)
            let words = UnsafeBufferPointer(
                start: UnsafePointer<UInt32>(bitPattern: UInt(out.bits)), count: 32)
            #expect(words.allSatisfy { $0 == .max })
        }
    }
}
