import Testing
import UnrollCUDA

/// Copies to shared memory that are waited for later, and matrices that are loaded from there: what they bring, and what
/// kernels do wrong with them.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct CopyTests {
    private static let matrices = """
        KERNEL(64, matrices, (u32* out, const u32* in, int count)) {
            SHARED Word4 memory[2][64];
            const u32 i = threadIdx.x, place = shared_address(memory);
            copy_to_shared(place + 16 * i, in + 4 * i, int(i) < count);
            end_copies();
            copy_to_shared(place + 1024 + 16 * i, in + 4 * (63 - i), true);
            end_copies();
            u32 words[4];
            wait_for_copies<1>();
            __syncthreads();
            load_matrices(words, place + 16 * i);
            for (int k = 0; k < 4; k++) out[4 * i + k] = words[k];
            wait_for_copies<0>();
            __syncthreads();
            load_transposed(words, place + 1024 + 16 * i);
            for (int k = 0; k < 4; k++) out[256 + 4 * i + k] = words[k];
        }
        """

    @Test(arguments: 0..<6 as Range<UInt64>)
    func aWarpLoadsMatricesOfWhatWasCopied(seed: UInt64) throws {
        // Halves of words are numbers in a row: 8 of a row of a matrix, 64 rows in all.
        let numbers = (0..<512).map { UInt16($0 * 37 % 1021 + 1) }
        let words = (0..<256).map { UInt32(numbers[2 * $0 + 1]) << 16 | UInt32(numbers[2 * $0]) }
        let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
        let out = try device.array(count: 512)
        let input = try device.array(words.map { Float(bitPattern: $0) })
        try queue.launch(
            try device.kernel("matrices", in: Self.matrices), threads: 64, .address(out), .address(input),
            .int(50))
        let found = try queue.words(out, count: 512)
        func number(row: Int, column: Int) -> UInt32 { UInt32(numbers[8 * row + column]) }
        for lane in 0..<64 {
            for i in 0..<4 {
                let first = lane / 32 * 32 + 8 * i, r = lane % 32 / 4, q = lane % 4 * 2
                let row = first + r
                let wanted =
                    row < 50 ? number(row: row, column: q + 1) << 16 | number(row: row, column: q) : 0
                #expect(found[4 * lane + i] == wanted)
                let low = number(row: 63 - (first + q), column: r)
                let high = number(row: 63 - (first + q + 1), column: r)
                #expect(found[256 + 4 * lane + i] == high << 16 | low)
            }
        }
    }

    // Bodies of kernels of 64 threads, and what is said of them.
    private static let wrongUses = [
        ("\(copy) load_matrices(words, place);", "load_matrices: something is on the way to byte"),
        (
            "\(copy) wait_for_copies<1>(); load_transposed(words, place);",
            "load_transposed: something is on the way"
        ),
        ("\(copy) load_shared(place);", "load_shared: something is on the way to byte"),
        ("\(copy) copy_to_shared(place, in, true);", "copy_to_shared: something is on the way to byte"),
        // A group that has not ended is not waited for.
        (
            "copy_to_shared(place, in, true); wait_for_copies<0>(); load_shared(place);",
            "load_shared: something is on the way to byte"
        ),
        (copy, "the block has ended while 1 copies of thread 0 are on the way"),
        ("copy_to_shared(place + 8, in, true);", "copy_to_shared: byte"),
        ("copy_to_shared(place + 1024, in, true);", "copy_to_shared: 16 bytes at address"),
        ("copy_to_shared(place, in + 1, true);", "the place in global memory is no multiple of 16"),
        ("load_matrices(words, place + 4);", "load_matrices: byte"),
        ("if (threadIdx.x) load_matrices(words, place);", "deadlock"),
        (
            "if (threadIdx.x % 2) load_matrices(words, place); else load_transposed(words, place);",
            "while others call load_"
        ),
    ]
    private static let copy = "copy_to_shared(place, in, true); end_copies();"

    private static let faults = KernelSource(
        name: "wrong copies",
        text: wrongUses.enumerated().map { number, use in
            """
            KERNEL(64, wrong\(number), (const u32* in)) {
                DYNAMIC_SHARED(memory);
                const u32 place = shared_address(memory) + 16 * threadIdx.x;
                u32 words[4];
                (void)words, (void)place;
                \(use.0)
            }

            """
        }.joined())

    @Test(arguments: wrongUses.indices) func aWrongUseIsFoundInEveryOrder(index: Int) throws {
        for seed in 0..<8 as Range<UInt64> {
            let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
            try queue.launch(
                try device.load(Self.faults).kernel("wrong\(index)"), threads: 64, sharedMemory: 1024,
                .address(try device.array(count: 64)))
            let error = #expect(throws: CUDAError.self) { try queue.synchronize() }
            #expect(
                error?.description.contains(Self.wrongUses[index].1) == true,
                "seed \(seed): \(error?.description ?? "nothing")")
        }
    }
}
