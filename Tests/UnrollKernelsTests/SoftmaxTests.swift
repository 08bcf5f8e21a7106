import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// Softmax and cross-entropy of one row, against double precision.
@Suite struct SoftmaxTests {
    private struct Result {
        let loss: Double
        let gradient: [Float]
        let padding: ArraySlice<Float>
    }

    /// Runs the kernel on a row that is padded with minus infinity.
    private func softmax(_ logits: [Float], target: Int, level: KernelLevel) throws -> Result {
        let panels = (logits.count + 31) / 32
        let row = try GuardedBuffer(
            logits + [Float](repeating: -.infinity, count: panels * 32 - logits.count))
        let loss = try level.kernels().pointee.softmax(row.base, Int32(panels), Int32(target))
        #expect(row.isIntact, "\(level)")
        let values = row.values
        return Result(
            loss: loss, gradient: Array(values.prefix(logits.count)), padding: values[logits.count...])
    }

    /// The bounds are those of the decoder, whose kernel it shares.
    @Test(arguments: KernelLevel.available()) func lossesAndGradientsAgreeWithDoublePrecision(
        level: KernelLevel
    ) throws {
        for classes in 1...100 {
            for kind in 0...8 {
                let logits = DecoderTests.logits(kind, vocabularySize: classes)
                let target = kind * 37 % classes
                let result = try softmax(logits, target: target, level: level)
                let greatest = Double(logits.max() ?? 0)
                let powers = logits.map { exp(Double($0) - greatest) }
                let sum = powers.reduce(0, +)
                let loss = log(sum) + greatest - Double(logits[target])
                #expect(abs(result.loss - loss) <= 2e-7 + 1e-6 * loss, "\(level) \(classes) kind \(kind)")
                let isRight = logits.indices.allSatisfy { token in
                    let probability = powers[token] / sum
                    let exact = probability - (token == target ? 1 : 0)
                    let distance = min(greatest - Double(logits[token]), 90)
                    let bound =
                        token == target ? 0x1p-22 : (1e-6 + distance * 0x1p-24) * probability + 2e-38
                    return abs(Double(result.gradient[token]) - exact) <= bound
                }
                #expect(isRight, "\(level) \(classes) kind \(kind)")
                #expect(result.padding.allSatisfy { $0 == 0 }, "\(level) \(classes) kind \(kind)")
            }
        }
    }

    @Test(arguments: KernelLevel.available(), [1, 2, 31, 32, 33, 100]) func divergenceStaysVisible(
        level: KernelLevel, classes: Int
    ) throws {
        for bad in [Float.nan, -.nan, .infinity] {
            for position in 0..<classes {
                var logits = DecoderTests.logits(0, vocabularySize: classes)
                logits[position] = bad
                for target in Set([0, position, classes - 1]) {
                    let result = try softmax(logits, target: target, level: level)
                    #expect(result.loss.isNaN, "\(level) \(bad) at \(position)")
                    #expect(result.gradient[position].isNaN, "\(level) \(bad) at \(position)")
                }
            }
        }
    }

    @Test(arguments: KernelLevel.available()) func anImpossibleClassHasAnInfiniteLoss(
        level: KernelLevel
    ) throws {
        let logits: [Float] = [0.5, -.infinity, 0.5]
        let impossible = try softmax(logits, target: 1, level: level)
        #expect(impossible.loss == .infinity, "\(level)")
        #expect(impossible.gradient[1] == -1, "\(level)")
        let possible = try softmax(logits, target: 0, level: level)
        #expect(abs(possible.loss - log(2)) < 1e-7, "\(level)")
        #expect(possible.gradient[1] == 0, "\(level)")
    }
}
