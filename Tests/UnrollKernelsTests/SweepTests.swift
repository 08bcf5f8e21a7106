import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// Transposes and sums over parameters, against plain loops; and where parameters live.
@Suite struct SweepTests {
    @Test(arguments: KernelLevel.available(), [(32, 32), (48, 32), (32, 80), (128, 96)])
    func transposeExchangesRowsAndColumns(level: KernelLevel, strides: (from: Int, to: Int)) throws {
        let from = try GuardedBuffer((0..<31 * strides.from + 32).map { Float($0) })
        let to = try GuardedBuffer(untouched: 31 * strides.to + 32)
        try level.kernels().pointee.transpose(from.base, strides.from, to.base, strides.to, 32, 32)
        for index in 0..<to.count {
            let (row, column) = (index / strides.to, index % strides.to)
            if column < 32 {
                #expect(to.base[index] == from.base[column * strides.from + row], "\(level)")
            } else {
                #expect(to.isUntouched(index), "\(level)")
            }
        }
        #expect(from.values == (0..<from.count).map { Float($0) }, "\(level)")
        #expect(from.isIntact && to.isIntact, "\(level)")
    }

    @Test(arguments: KernelLevel.available(), [0, 32, 64, 992, 32_768]) func sumOfSquares(
        level: KernelLevel, count: Int
    ) throws {
        var noise = Noise(seed: 1)
        let values = try GuardedBuffer((0..<count).map { _ in noise.next() * 1000 })
        let exact = values.values.reduce(0) { $0 + Double($1) * Double($1) }
        let actual = try level.kernels().pointee.sum_of_squares(values.base, count)
        // Each of 32 sums has a 32nd of the terms; up to 16 of them are then added.
        #expect(abs(actual - exact) <= summationBound(count: count / 32 + 16, magnitude: exact), "\(level)")
        #expect(values.isIntact, "\(level)")
    }

    @Test(arguments: KernelLevel.available(), [Float.nan, .infinity, 1e20]) func aSumOfSquaresShowsDivergence(
        level: KernelLevel, bad: Float
    ) throws {
        for position in 0..<64 {
            let values = try GuardedBuffer((0..<64).map { $0 == position ? bad : 1 })
            #expect(try !level.kernels().pointee.sum_of_squares(values.base, 64).isFinite, "\(level)")
        }
    }

    @Test(arguments: KernelLevel.available()) func theProbeCountsItsOperations(level: KernelLevel) throws {
        let kernels = try level.kernels().pointee
        #expect(kernels.probe(20) == 2 * kernels.probe(10))
        #expect(kernels.probe(10) > 0)
    }

    @Test func levelsAreNamedAsInC() throws {
        #expect(KernelLevel.available().first == .portable)
        for level in KernelLevel.available() {
            #expect(String(cString: try level.kernels().pointee.name) == level.rawValue)
        }
    }

    @Test(arguments: [0, 1, 15, 16, 17, 100_000]) func memoryIsAlignedAndZeroed(count: Int) throws {
        // Dirty memory first, which the allocator may hand out again.
        let dirty = try #require(malloc(max(1, count * 4)))
        memset(dirty, 0xff, count * 4)
        free(dirty)
        let memory = try #require(unroll_allocate(count))
        defer { free(memory) }
        #expect(UInt(bitPattern: memory) % UInt(UNROLL_ALIGNMENT) == 0)
        #expect((0..<count).allSatisfy { memory[$0].bitPattern == 0 })
    }

    /// Sizes whose number of bytes does not fit into `size_t`, or into the machine.
    @Test(arguments: [Int(bitPattern: UInt.max), Int(bitPattern: UInt.max / 4), Int.max, Int.max / 4 - 100])
    func impossibleAmountsOfMemoryAreRefused(count: Int) {
        let memory: UnsafeMutablePointer<Float>? = unroll_allocate(count)
        #expect(memory == nil)
        free(memory)
    }
}
