import CUnrollKernels
import Testing
import UnrollKernels

/// Products for all steps at once, against plain loops in double precision.
@Suite struct ProjectionTests {
    struct Size: CustomTestStringConvertible, Sendable {
        let T, B, inner, panels: Int
        var testDescription: String { "T \(T) B \(B) inner \(inner) panels \(panels)" }
    }

    /// The inner sizes of the last ones are of more than one block.
    static let sizes = [
        Size(T: 1, B: 1, inner: 1, panels: 1), Size(T: 2, B: 3, inner: 7, panels: 2),
        Size(T: 3, B: 13, inner: 31, panels: 3), Size(T: 2, B: 8, inner: 33, panels: 5),
        Size(T: 2, B: 1, inner: 1025, panels: 3), Size(T: 2, B: 9, inner: 1025, panels: 4),
        Size(T: 1, B: 5, inner: 2080, panels: 2),
    ]

    enum Start: CaseIterable, Sendable { case zero, bias, before }

    /// Weights, `[panels][inner][32]` with zeros in the padding, and their words.
    private struct Weights {
        let values: [Float]
        let words: GuardedBuffer
        /// Floats from one panel of words to the next.
        let panel: Int

        init(_ size: Size, _ choice: KernelChoice, noise: inout Noise) throws {
            let blocks = (size.inner + 31) / 32
            var values: [Float] = []
            for _ in 0..<size.panels {
                for unit in 0..<blocks * 32 {
                    values += (0..<32).map { _ in
                        unit < size.inner ? noise.next().rounded(to: choice.precision) : 0
                    }
                }
            }
            self.values = values
            guard choice.precision == .bfloat16 else {
                panel = blocks * 1024
                words = try GuardedBuffer(values)
                return
            }
            panel = blocks * 512
            words = try GuardedBuffer(untouched: size.panels * panel)
            let master = try GuardedBuffer(values)
            let transposed = try GuardedBuffer(untouched: 512)
            let kernels = try choice.kernels()
            for block in 0..<size.panels * blocks {
                kernels.pack_weights(
                    master.base + block * 1024, words.base + block * 512, transposed.base)
            }
        }
    }

    @Test(arguments: KernelChoice.available, sizes) func projectionsAgreeWithPlainLoops(
        choice: KernelChoice, size: Size
    ) throws {
        let kernels = try choice.kernels()
        var noise = Noise(seed: UInt64(size.inner * 100 + size.B))
        // What lies in the padding must not count.
        let values = try Panels(sequenceLength: size.T, batchSize: size.B, units: (size.inner + 31) / 32 * 32)
        {
            _, _, _ in noise.next().rounded(to: choice.precision)
        }
        let a = try Operand(values, precision: choice.precision)
        a.pack(kernels)
        let weights = try Weights(size, choice, noise: &noise)
        let bias = try GuardedBuffer((0..<size.panels * 32).map { _ in noise.next() })
        for start in Start.allCases {
            for panels in Set([0..<size.panels, size.panels / 2..<size.panels, 0..<size.panels / 2]) {
                let c = try Panels(sequenceLength: size.T, batchSize: size.B, units: size.panels * 32) {
                    _, _, _ in start == .before ? noise.next() : GuardedBuffer.untouched
                }
                let before = c.buffer.values
                var projection = UnrollProjection(
                    a: a.layout.unit_words, inner: Int32(size.inner), steps: Int32(size.T),
                    batch: Int32(size.B), weights: weights.words.base, weight_panel: weights.panel,
                    bias: start == .bias ? bias.base : nil, accumulates: start == .before, c: c.layout)
                kernels.project(
                    &projection,
                    UnrollRange(begin: Int32(panels.lowerBound), end: Int32(panels.upperBound)))
                for t in 0..<size.T {
                    for b in 0..<size.B {
                        for unit in 0..<size.panels * 32 {
                            let index = c.index(t, b, unit)
                            let actual = c.buffer.base[index]
                            guard panels.contains(unit / 32) else {
                                #expect(actual.bitPattern == before[index].bitPattern, "\(choice)")
                                continue
                            }
                            let first: Float =
                                switch start {
                                case .zero: 0
                                case .bias: bias.base[unit]
                                case .before: before[index]
                                }
                            var (exact, magnitude) = (Double(first), Double(first.magnitude))
                            for k in 0..<size.inner {
                                let weight = weights.values[
                                    (unit / 32 * ((size.inner + 31) / 32 * 32) + k) * 32 + unit % 32]
                                let term = Double(values[t, b, k]) * Double(weight)
                                exact += term
                                magnitude += abs(term)
                            }
                            let bound = summationBound(count: size.inner + 1, magnitude: magnitude)
                            #expect(abs(Double(actual) - exact) <= bound, "\(choice) \(start)")
                        }
                    }
                }
                #expect(c.buffer.isIntact && a.isIntact && weights.words.isIntact && bias.isIntact)
            }
        }
    }
}
