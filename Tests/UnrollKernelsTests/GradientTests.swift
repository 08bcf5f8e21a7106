import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// Gradients of weights and biases, against plain loops in double precision.
@Suite struct GradientTests {
    struct Size: CustomTestStringConvertible, Sendable {
        let T, B, I, J: Int
        var testDescription: String { "T \(T) B \(B) \(I) x \(J)" }
    }

    static let sizes = [
        Size(T: 1, B: 1, I: 1, J: 1), Size(T: 9, B: 3, I: 31, J: 33), Size(T: 10, B: 7, I: 33, J: 32),
        Size(T: 19, B: 1, I: 45, J: 70), Size(T: 2, B: 33, I: 64, J: 5),
    ]

    @Test(arguments: KernelChoice.available, sizes) func weightGradientIsTheSumOfOuterProducts(
        choice: KernelChoice, size: Size
    ) throws {
        var noise = Noise(seed: 1)
        let kernels = try choice.kernels()
        let operands = try [size.I, size.J].map { units in
            let values = try Panels(sequenceLength: size.T, batchSize: size.B, units: units) { _, _, _ in
                noise.next().rounded(to: choice.precision)
            }
            let operand = try Operand(values, precision: choice.precision)
            operand.pack(kernels)
            return operand
        }
        let (a, b) = (operands[0].values, operands[1].values)
        let stride = a.panelCount * 32 * 32
        for begin in Swift.stride(from: 0, to: size.I, by: 8) {
            for end in Set([begin + 1, min(begin + 12, size.I), size.I]) where begin < end && end <= size.I {
                // What was there before does not count.
                let c = try GuardedBuffer(untouched: b.panelCount * stride)
                var product = UnrollProduct(
                    a: operands[0].layout.row_words, b: operands[1].layout.row_words, steps: Int32(size.T),
                    batch: Int32(size.B), b_panels: Int32(b.panelCount), c: c.base, c_panel: stride)
                kernels.weight_gradient(
                    &product, UnrollRange(begin: Int32(begin), end: Int32(end)))
                for i in 0..<a.panelCount * 32 {
                    for j in 0..<b.panelCount * 32 {
                        let index = j / 32 * stride + i * 32 + j % 32
                        guard (begin..<end).contains(i) else {
                            #expect(c.isUntouched(index), "\(choice)")
                            continue
                        }
                        var (exact, magnitude) = (0.0, 0.0)
                        for t in 0..<size.T {
                            for row in 0..<size.B {
                                let term = Double(a[t, row, i]) * Double(b[t, row, j])
                                exact += term
                                magnitude += abs(term)
                            }
                        }
                        let bound = summationBound(count: size.T * size.B, magnitude: magnitude)
                        #expect(abs(Double(c.base[index]) - exact) <= bound, "\(choice) \(i) \(j)")
                    }
                }
                #expect(c.isIntact && operands.allSatisfy(\.isIntact), "\(choice)")
            }
        }
    }

    @Test(arguments: KernelLevel.available(), sizes) func inputGradientCollectsRowsByToken(
        level: KernelLevel, size: Size
    ) throws {
        var noise = Noise(seed: 2)
        let vocabularySize = size.J + 2
        let rows = try Panels(sequenceLength: size.T, batchSize: size.B, units: size.I) { _, _, _ in
            noise.next()
        }
        // The first and the last token never occur.
        let tokens = (0..<size.T * size.B).map { _ in Int32(1 + noise.integer(below: size.J)) }
        for panel in 0..<rows.panelCount {
            let gradient = try GuardedBuffer(untouched: vocabularySize * 32)
            let sums = try GuardedBuffer(untouched: 32)
            try level.kernels().pointee.input_gradient(
                rows.layout, Int32(panel), Int32(size.T), Int32(size.B), tokens, size.B,
                Int32(vocabularySize), gradient.base)
            try level.kernels().pointee.column_sums(
                rows.layout, Int32(panel), Int32(size.T), Int32(size.B), sums.base)
            for lane in 0..<32 {
                var exact = [Double](repeating: 0, count: vocabularySize)
                var magnitude = exact
                var counts = [Int](repeating: 0, count: vocabularySize)
                for (index, token) in tokens.enumerated() {
                    let value = rows[index / size.B, index % size.B, panel * 32 + lane]
                    exact[Int(token)] += Double(value)
                    magnitude[Int(token)] += Double(abs(value))
                    counts[Int(token)] += 1
                }
                for token in 0..<vocabularySize {
                    let bound = summationBound(count: counts[token], magnitude: magnitude[token])
                    let actual = gradient.base[token * 32 + lane]
                    #expect(abs(Double(actual) - exact[token]) <= bound, "\(level)")
                    if counts[token] == 0 { #expect(actual == 0, "\(level)") }
                }
                let bound = summationBound(count: tokens.count, magnitude: magnitude.reduce(0, +))
                #expect(abs(Double(sums.base[lane]) - exact.reduce(0, +)) <= bound, "\(level)")
                if panel * 32 + lane >= size.I { #expect(sums.base[lane] == 0, "\(level)") }
            }
            #expect(gradient.isIntact && sums.isIntact && rows.buffer.isIntact, "\(level)")
        }
    }
}
