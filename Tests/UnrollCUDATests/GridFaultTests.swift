import Testing
import UnrollCUDA
import UnrollEngine
import UnrollModel
import UnrollTestSupport

/// What is wrong with a grid's exchange is found: as an error, or as wrong numbers under some seed.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct GridFaultTests {
    /// The gradients of two minibatches under a seed, with kernels in which a text is replaced.
    private func gradients(
        seed: Int, replacing text: String = "", with other: String = ""
    ) throws -> [NamedTensors<Double>] {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 4, B: 9, V: 7, H: 33))
        let device = EmulatedDevice(seed: UInt64(seed), multiprocessors: 3) { source in
            guard source.contains("grid_forward") else { return source }
            if !text.isEmpty { #expect(source.contains(text)) }
            return source.replacing(text, with: other)
        }
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, recurrence: .grid, blocks: 3,
            on: device)
        return try model.minibatches.prefix(2).map { try engine.gradients(on: $0).gradients }
    }

    /// A GPU with a watchdog ends such a kernel with an error.
    @Test(arguments: [0, 1]) func wordsThatAreNeverStoredAreADeadlock(seed: Int) throws {
        #expect {
            try gradients(
                seed: seed, replacing: "if (!element.has_row ||",
                with: "if (element.unit == 20 || !element.has_row ||")
        } throws: {
            "\($0)".contains("kernel 'grid_forward'") && "\($0)".contains("deadlock")
                && "\($0)".contains("poll global memory")
        }
    }

    @Test(arguments: [
        // Words are taken for there.
        ("wait(chunk);", ""), ("w.x != 0 && w.y != 0 && w.z != 0 && w.w != 0", "w.x != 0"),
        // Warps overwrite what others read, or read what others have not written.
        ("memory + turn * WARPS * OF_WARP", "memory"),
        ("sums.store(d);\n            __syncthreads();", "sums.store(d);"),
        ("        warp_barrier();\n        request(chunk + PIECE);", "        request(chunk + PIECE);"),
    ])
    func numbersThatAreReadTooEarlyAreFoundUnderSomeSeed(text: String, other: String) throws {
        let expected = try gradients(seed: 0)
        let found = (1...24).contains { seed in
            (try? gradients(seed: seed, replacing: text, with: other)) != expected
        }
        #expect(found)
    }
}
