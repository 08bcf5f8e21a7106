import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// Loops over arrays of any length at any address.
@Suite struct ArrayTests {
    /// An operation on two arrays and what C makes of one element.
    struct Combination: CustomTestStringConvertible, Sendable {
        let operation: UnrollCombination
        let testDescription: String
        let result: @Sendable (_ a: Float, _ b: Float) -> Float
    }

    static let combinations = [
        Combination(operation: UNROLL_COMBINE_ADD, testDescription: "add") { $0 + $1 },
        Combination(operation: UNROLL_COMBINE_SUBTRACT, testDescription: "subtract") { $0 - $1 },
        Combination(operation: UNROLL_COMBINE_MULTIPLY, testDescription: "multiply") { $0 * $1 },
        Combination(operation: UNROLL_COMBINE_DIVIDE, testDescription: "divide") { $0 / $1 },
        Combination(operation: UNROLL_COMBINE_POWER, testDescription: "power") { pow($0, $1) },
    ]

    static let counts = [0, 1, 15, 16, 17, 31, 1000]

    /// Which of the operands are one number that is used for all.
    static let singles = [(false, false), (true, false), (false, true), (true, true)]

    /// Every combination of two out of many kinds of numbers.
    @Test(arguments: KernelLevel.available(), combinations) func combinationsOfSpecialValues(
        level: KernelLevel, combination: Combination
    ) throws {
        let values = ElementwiseTests.specialValues + [2, 3, -3, -0.5, 0x1p24]
        let a = try GuardedBuffer(values.flatMap { first in values.map { _ in first } })
        let b = try GuardedBuffer(values.flatMap { _ in values })
        let d = try GuardedBuffer(untouched: a.count)
        try level.kernels().pointee.combine(
            combination.operation, d.base, a.base, false, b.base, false, a.count)
        for index in 0..<a.count {
            let operands = (a.base[index], b.base[index])
            let expected = combination.result(operands.0, operands.1)
            #expect(hasSameBits(d.base[index], expected), "\(level) \(operands)")
        }
        #expect(a.isIntact && b.isIntact && d.isIntact, "\(level)")
    }

    @Test(arguments: KernelLevel.available(), combinations) func combinationsOfAnyLengthAtAnyAddress(
        level: KernelLevel, combination: Combination
    ) throws {
        let kernels = try level.kernels().pointee
        for count in Self.counts {
            for (aIsSingle, bIsSingle) in Self.singles {
                for offsets in [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3], [3, 1, 2], [1, 1, 1]] {
                    var noise = Noise(seed: UInt64(count))
                    let a = try GuardedBuffer(
                        (0..<(aIsSingle ? 1 : count)).map { _ in noise.next() * 3 }, offset: offsets[0])
                    let b = try GuardedBuffer(
                        (0..<(bIsSingle ? 1 : count)).map { _ in noise.next() * 3 }, offset: offsets[1])
                    let d = try GuardedBuffer(untouched: count, offset: offsets[2])
                    let expected = (0..<count).map {
                        combination.result(a.base[aIsSingle ? 0 : $0], b.base[bIsSingle ? 0 : $0])
                    }
                    let (left, right) = (a.values, b.values)
                    kernels.combine(
                        combination.operation, d.base, a.base, aIsSingle, b.base, bIsSingle, count)
                    #expect(
                        zip(d.values, expected).allSatisfy(hasSameBits),
                        "\(level) \(count) \(offsets) \(aIsSingle) \(bIsSingle)")
                    #expect(a.values == left && b.values == right, "\(level)")
                    #expect(a.isIntact && b.isIntact && d.isIntact, "\(level)")
                }
            }
        }
    }

    /// The result may take the place of either operand, also of one that is used for all.
    @Test(arguments: KernelLevel.available(), combinations) func combinationsInPlace(
        level: KernelLevel, combination: Combination
    ) throws {
        let kernels = try level.kernels().pointee
        for count in Self.counts.dropFirst() {
            for (aIsSingle, bIsSingle) in Self.singles {
                for (replacesA, replacesB) in [(true, false), (false, true), (true, true)] {
                    var noise = Noise(seed: UInt64(count))
                    let a = try GuardedBuffer((0..<count).map { _ in noise.next() * 3 }, offset: 1)
                    let other = try GuardedBuffer((0..<count).map { _ in noise.next() * 3 })
                    let b = replacesA && replacesB ? a : other
                    let expected = (0..<count).map {
                        combination.result(a.base[aIsSingle ? 0 : $0], b.base[bIsSingle ? 0 : $0])
                    }
                    let d = replacesA ? a : b
                    kernels.combine(
                        combination.operation, d.base, a.base, aIsSingle, b.base, bIsSingle, count)
                    #expect(
                        zip(d.values, expected).allSatisfy(hasSameBits),
                        "\(level) \(count) \(aIsSingle) \(bIsSingle) \(replacesA) \(replacesB)")
                    #expect(a.isIntact && b.isIntact, "\(level)")
                }
            }
        }
    }

    @Test(arguments: KernelLevel.available()) func sumsOfAnyLengthAtAnyAddress(level: KernelLevel) throws {
        let kernels = try level.kernels().pointee
        for count in Array(0...130) + [1000, 1023, 1024, 1025, 4095, 4096, 4097, 9000] {
            for offset in 0..<4 {
                var noise = Noise(seed: UInt64(count))
                let values = try GuardedBuffer((0..<count).map { _ in noise.next() }, offset: offset)
                let exact = values.values.reduce(0) { $0 + Double($1) }
                let magnitude = values.values.reduce(0) { $0 + Double(abs($1)) }
                // A lane has 64 numbers of a block, and a vector up to 16 lanes.
                let bound = summationBound(count: 64 + 16, magnitude: magnitude)
                #expect(abs(kernels.sum(values.base, count) - exact) <= bound, "\(level) \(count)")
                #expect(values.isIntact, "\(level)")
            }
        }
    }

    /// In single precision alone, ten million times 0.1 would be 1,087,937.
    @Test(arguments: KernelLevel.available()) func theErrorOfASumDoesNotGrowWithItsLength(
        level: KernelLevel
    ) throws {
        let kernels = try level.kernels().pointee
        let count = 10_000_000
        let values = try #require(unroll_allocate(count))
        defer { free(values) }
        values.update(repeating: 0.1, count: count)
        let exact = Double(count) * Double(Float(0.1))
        #expect(abs(kernels.sum(values, count) / exact - 1) < 1e-6, "\(level)")
        var noise = Noise(seed: 1)
        var sum = 0.0
        for index in 0..<count {
            values[index] = abs(noise.next())
            sum += Double(values[index])
        }
        #expect(abs(kernels.sum(values, count) / sum - 1) < 1e-6, "\(level)")
    }

    @Test(arguments: KernelLevel.available(), [1, 17, 130, 5000]) func sumsShowDivergence(
        level: KernelLevel, count: Int
    ) throws {
        let kernels = try level.kernels().pointee
        for position in Set([0, 1, 15, 16, count / 2, count - 2, count - 1]) where 0..<count ~= position {
            for bad in [Float.nan, .infinity, -.infinity] {
                let values = try GuardedBuffer((0..<count).map { $0 == position ? bad : 1 }, offset: 1)
                #expect(hasSameBits(Float(kernels.sum(values.base, count)), bad), "\(level) \(position)")
            }
            guard count > 1 else { continue }
            let opposite = (position + 1) % count
            let values = try GuardedBuffer(
                (0..<count).map { $0 == position ? .infinity : $0 == opposite ? -.infinity : 1 })
            #expect(kernels.sum(values.base, count).isNaN, "\(level) \(position)")
        }
    }
}
