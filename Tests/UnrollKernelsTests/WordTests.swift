import CUnrollKernels
import Testing
import UnrollKernels

/// Words of two bfloat16 numbers, which every level must round alike.
@Suite struct WordTests {
    /// Numbers at which rounding may go wrong.
    static let numbers: [Float] = {
        let magnitudes: [Float] = [
            0, 1, 3, 0x1p-126, 0x1.8p-126, .infinity, .greatestFiniteMagnitude,
            // The greatest bfloat16; less than half a step, half a step and more above it.
            0x1.fep127, 0x1.fefffep127, 0x1.ffp127, 0x1.ff0002p127,
            // Ties to the even number below and above, and their neighbors.
            0x1.01p0, 0x1.00fffep0, 0x1.010002p0, 0x1.03p0, 0x1.02fffep0, 0x1.030002p0,
            // A carry into the exponent.
            0x1.ffp0, 0x1.fefffep0, 0x1.fffffep-40,
        ]
        let notNumbers = [0x7fc0_0000, 0x7f80_0001, 0x7fff_ffff, 0x7fa5_a5a5, 0x7fc0_dead].map {
            Float(bitPattern: $0)
        }
        return (magnitudes + notNumbers).flatMap { [$0, -$0] }
    }()

    /// The numbers above, and then any bit patterns.
    private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var noise = Noise(seed: seed)
        return (0..<count).map { index in
            guard index >= numbers.count else { return numbers[index] }
            let bits = UInt32(noise.integer(below: 1 << 16)) << 16 | UInt32(noise.integer(below: 1 << 16))
            // Every fourth is a tie.
            return Float(bitPattern: index % 4 == 0 ? bits & 0xffff_0000 | 0x8000 : bits)
        }
    }

    /// Whether half a word is the rounded number; the processor's instruction takes denormals for zeros.
    private func isRight(_ half: UInt16, _ number: Float) -> Bool {
        let expected = bfloat16(number)
        return half == expected || (number.isSubnormal && half == expected & 0x8000)
    }

    private func low(_ word: Float) -> UInt16 { UInt16(truncatingIfNeeded: word.bitPattern) }
    private func high(_ word: Float) -> UInt16 { UInt16(word.bitPattern >> 16) }

    @Test func theStandardRoundsAsWritten() {
        #expect(bfloat16(1) == 0x3f80)
        #expect(bfloat16(0x1.01p0) == 0x3f80)
        #expect(bfloat16(0x1.03p0) == 0x3f82)
        #expect(bfloat16(-0x1.010002p0) == 0xbf81)
        #expect(bfloat16(0x1.ffp127) == 0x7f80)
        #expect(bfloat16(0x1.fefffep127) == 0x7f7f)
        #expect(bfloat16(-.infinity) == 0xff80)
        #expect(bfloat16(-0.0) == 0x8000)
    }

    @Test(arguments: KernelLevel.available(for: .bfloat16), [1, 2, 7, 8, 33])
    func wordsArePairsOfRoundedNumbers(level: KernelLevel, batchSize: Int) throws {
        let numbers = Self.numbers(2 * batchSize * 96, seed: UInt64(batchSize))
        let values = try Panels(sequenceLength: 2, batchSize: batchSize, units: 96) { t, b, unit in
            numbers[(t * batchSize + b) * 96 + unit]
        }
        let operand = try Operand(values, precision: .bfloat16)
        operand.pack(try level.kernels(for: .bfloat16).pointee)
        for t in 0..<2 {
            for b in 0..<batchSize {
                for unit in 0..<96 {
                    let number = values[t, b, unit]
                    let unitWord = operand.unitWords.base[operand.unitWordIndex(t, b, unit)]
                    #expect(
                        isRight(unit % 2 == 0 ? low(unitWord) : high(unitWord), number), "\(level) \(number)")
                    let rowWord = operand.rowWords.base[operand.rowWordIndex(t, b, unit)]
                    #expect(isRight(b % 2 == 0 ? low(rowWord) : high(rowWord), number), "\(level) \(number)")
                    // The row that an odd number of rows lacks.
                    if b % 2 == 0, b + 1 == batchSize { #expect(high(rowWord) == 0, "\(level)") }
                }
            }
        }
        #expect(operand.isIntact, "\(level)")
    }

    /// A share of rows begins at an even one, and ends at any.
    @Test(arguments: KernelLevel.available(for: .bfloat16), [0..<9, 0..<8, 2..<4, 4..<9, 8..<9, 6..<6])
    func onlyTheShareIsPacked(level: KernelLevel, rows: Range<Int>) throws {
        let values = try Panels(sequenceLength: 3, batchSize: 9, units: 96) { _, b, unit in Float(b + unit) }
        let operand = try Operand(values, precision: .bfloat16)
        var layout = operand.layout
        try level.kernels(for: .bfloat16).pointee.pack(
            &layout, 1, UnrollRange(begin: 1, end: 2),
            UnrollRange(begin: Int32(rows.lowerBound), end: Int32(rows.upperBound)))
        for t in 0..<3 {
            for b in 0..<9 {
                for unit in 0..<96 {
                    let isWanted = t == 1 && unit / 32 == 1 && rows.contains(b)
                    let isPacked = !operand.unitWords.isUntouched(operand.unitWordIndex(t, b, unit))
                    #expect(isPacked == isWanted, "\(level)")
                    // A pair of rows is packed with its first.
                    guard b % 2 == 0 else { continue }
                    let arePacked = !operand.rowWords.isUntouched(operand.rowWordIndex(t, b, unit))
                    #expect(arePacked == isWanted, "\(level)")
                }
            }
        }
        #expect(operand.isIntact, "\(level)")
    }

    @Test(arguments: KernelChoice.available) func weightsArePackedBothWays(choice: KernelChoice) throws {
        let isSingle = choice.precision == .float32
        let numbers = Self.numbers(32 * 32, seed: 5)
        let block = try GuardedBuffer(numbers)
        let count = isSingle ? 32 * 32 : 16 * 32
        let (forward, transposed) = (
            try GuardedBuffer(untouched: count), try GuardedBuffer(untouched: count)
        )
        try choice.kernels().pack_weights(block.base, forward.base, transposed.base)
        for input in 0..<32 {
            for output in 0..<32 {
                let number = numbers[input * 32 + output]
                if isSingle {
                    #expect(transposed.base[output * 32 + input].bitPattern == number.bitPattern)
                    #expect(forward.isUntouched(input * 32 + output))
                    continue
                }
                let word = forward.base[input / 2 * 32 + output]
                #expect(isRight(input % 2 == 0 ? low(word) : high(word), number), "\(choice) \(number)")
                let other = transposed.base[output / 2 * 32 + input]
                #expect(isRight(output % 2 == 0 ? low(other) : high(other), number), "\(choice) \(number)")
            }
        }
        #expect(zip(block.values, numbers).allSatisfy { $0.bitPattern == $1.bitPattern })
        #expect(block.isIntact && forward.isIntact && transposed.isIntact, "\(choice)")
    }

    @Test func float32PacksNothing() throws {
        let values = try Panels(sequenceLength: 1, batchSize: 3, units: 32) { _, _, _ in 1 }
        for level in KernelLevel.available() {
            let operand = try Operand(values, precision: .bfloat16)
            operand.pack(try level.kernels().pointee)
            #expect((0..<operand.unitWords.count).allSatisfy(operand.unitWords.isUntouched))
            #expect((0..<operand.rowWords.count).allSatisfy(operand.rowWords.isUntouched))
        }
    }
}
