import CUnrollKernels
import Testing
import UnrollKernels

/// Products of int8: on every level the bits that plain loops over whole numbers give.
@Suite struct Int8Tests {
    static let levels = KernelLevel.available(for: .int8)

    struct Size: CustomTestStringConvertible, Sendable {
        let rows, inner, panels: Int
        var testDescription: String { "rows \(rows) inner \(inner) panels \(panels)" }
        var innerPanels: Int { (inner + 31) / 32 }
    }

    static let sizes = [
        Size(rows: 1, inner: 1, panels: 1), Size(rows: 3, inner: 7, panels: 2),
        Size(rows: 13, inner: 31, panels: 3), Size(rows: 8, inner: 33, panels: 5),
        Size(rows: 1, inner: 1025, panels: 3), Size(rows: 9, inner: 1025, panels: 4),
        Size(rows: 5, inner: 2080, panels: 2), Size(rows: 2, inner: 9000, panels: 1),
    ]

    /// Rows of activations, `[P][rows][32]`, and room for their words, `[P + 1][rows][8]`.
    private struct Rows {
        let values: GuardedBuffer
        let words: GuardedBuffer
        let count: Int
        let panels: Int

        init(_ size: Size, value: (_ row: Int, _ unit: Int) -> Float) throws {
            (count, panels) = (size.rows, size.innerPanels)
            var values: [Float] = []
            for panel in 0..<panels {
                for row in 0..<size.rows {
                    for unit in panel * 32..<panel * 32 + 32 {
                        values.append(unit < size.inner ? value(row, unit) : 0)
                    }
                }
            }
            self.values = try GuardedBuffer(values)
            words = try GuardedBuffer(untouched: (panels + 1) * size.rows * 8)
        }

        func value(_ row: Int, _ unit: Int) -> Float {
            values.base[(unit / 32 * count + row) * 32 + unit % 32]
        }

        func number(_ row: Int, _ unit: Int) -> Int {
            let word = words.base[(unit / 32 * count + row) * 8 + unit % 32 / 4].bitPattern
            return Int(word >> (8 * UInt32(unit % 4)) & 0xFF) - 128
        }

        func scale(_ row: Int) -> Float { words.base[(panels * count + row) * 8] }

        var unitWords: UnrollPanels {
            UnrollPanels(base: words.base, time: 0, panel: count * 8, row: 8)
        }

        func pack(_ kernels: UnrollKernels) {
            let values = UnrollPanels(base: values.base, time: 0, panel: count * 32, row: 32)
            var operand = UnrollOperand(values: values, unit_words: unitWords, row_words: values)
            kernels.pack(
                &operand, 0, UnrollRange(begin: 0, end: Int32(panels)),
                UnrollRange(begin: 0, end: Int32(count)))
        }
    }

    @Test(arguments: levels, sizes) func rowsAreRoundedToMultiplesOfTheirScale(
        level: KernelLevel, size: Size
    ) throws {
        var noise = Noise(seed: UInt64(size.inner))
        // Rows of very different sizes, and one of zeros.
        let rows = try Rows(size) { row, _ in
            row == 2 ? 0 : noise.next() * Float(sign: .plus, exponent: 7 * row - 30, significand: 1)
        }
        rows.pack(try level.kernels(for: .int8).pointee)
        for row in 0..<size.rows {
            let values = (0..<size.inner).map { rows.value(row, $0) }
            let greatest = values.map(abs).max() ?? 0
            #expect(rows.scale(row) == greatest / 127)
            for (unit, value) in values.enumerated() {
                let expected = greatest > 0 ? (value * (127 / greatest)).rounded(.toNearestOrEven) : 0
                #expect(rows.number(row, unit) == Int(expected), "\(row) \(unit)")
                #expect(
                    abs(Float(rows.number(row, unit)) * rows.scale(row) - value) <= 0.5001 * greatest / 127)
            }
            for unit in size.inner..<size.innerPanels * 32 { #expect(rows.number(row, unit) == 0) }
        }
        #expect(rows.words.isIntact && rows.values.isIntact)
    }

    @Test(arguments: levels) func whatIsNotFiniteHasNoScale(level: KernelLevel) throws {
        let size = Size(rows: 6, inner: 40, panels: 1)
        let odd: [Float] = [
            .infinity, -.infinity, .nan, -.nan, .greatestFiniteMagnitude, .leastNormalMagnitude,
        ]
        let rows = try Rows(size) { row, unit in unit == 37 ? odd[row] : 1e-38 }
        rows.pack(try level.kernels(for: .int8).pointee)
        for row in 0..<4 {
            #expect(rows.scale(row).isNaN)
            #expect((0..<40).allSatisfy { rows.number(row, $0) == 0 })
        }
        #expect(rows.scale(4) == .greatestFiniteMagnitude / 127)
        #expect(rows.number(4, 37) == 127 && rows.number(4, 36) == 0)
        // A scale that is no normal number.
        #expect(rows.scale(5) == 0 && rows.number(5, 37) == 0)
    }

    /// Weights as whole numbers, and their words: `[panels][inner / 4][32]`, scales and corrections after each panel.
    private struct Weights {
        let numbers: [Int]
        let scales: [Float]
        let words: GuardedBuffer
        let size: Size

        init(_ size: Size, number: (_ output: Int, _ unit: Int) -> Int, scale: (_ output: Int) -> Float)
            throws
        {
            let (inner, outputs) = (size.innerPanels * 32, size.panels * 32)
            let numbers = (0..<outputs).flatMap { output in
                (0..<inner).map { $0 < size.inner ? number(output, $0) : 0 }
            }
            let scales = (0..<outputs).map(scale)
            var words: [Float] = []
            for panel in 0..<size.panels {
                let rows = panel * 32..<panel * 32 + 32
                for unit in stride(from: 0, to: inner, by: 4) {
                    words += rows.map { row in
                        let bytes = (0..<4).map { UInt32(numbers[row * inner + unit + $0] & 0xFF) }
                        return Float(bitPattern: bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24)
                    }
                }
                words += rows.map { scales[$0] }
                words += rows.map { row in
                    let sum = 128 * numbers[row * inner..<(row + 1) * inner].reduce(0, +)
                    return Float(bitPattern: UInt32(bitPattern: Int32(sum)))
                }
            }
            (self.numbers, self.scales, self.size) = (numbers, scales, size)
            self.words = try GuardedBuffer(words)
        }

        var panel: Int { size.innerPanels * 256 + 64 }

        /// The sum of products, which must be exact, as the kernels scale and add it.
        func product(_ rows: Rows, _ row: Int, _ output: Int, plus start: Float) -> Float {
            var sum = 0
            for unit in 0..<size.inner {
                sum += rows.number(row, unit) * numbers[output * size.innerPanels * 32 + unit]
            }
            return start + Float(sum) * (scales[output] * rows.scale(row))
        }
    }

    private func expectExactProducts(
        _ level: KernelLevel, _ size: Size, _ rows: Rows, _ weights: Weights, noise: inout Noise
    ) throws {
        let kernels = try level.kernels(for: .int8).pointee
        rows.pack(kernels)
        let bias = try GuardedBuffer((0..<size.panels * 32).map { _ in noise.next() })
        for hasBias in [false, true] {
            let c = try GuardedBuffer(untouched: size.panels * size.rows * 32)
            var projection = UnrollProjection(
                a: rows.unitWords, inner: Int32(size.inner), steps: 1, batch: Int32(size.rows),
                weights: weights.words.base, weight_panel: weights.panel, bias: hasBias ? bias.base : nil,
                accumulates: false,
                c: UnrollPanels(base: c.base, time: 0, panel: size.rows * 32, row: 32))
            kernels.project(&projection, UnrollRange(begin: 0, end: Int32(size.panels)))
            for output in 0..<size.panels * 32 {
                for row in 0..<size.rows {
                    let actual = c.base[(output / 32 * size.rows + row) * 32 + output % 32]
                    let start = hasBias ? bias.base[output] : 0
                    #expect(
                        actual == weights.product(rows, row, output, plus: start), "\(level) \(row) \(output)"
                    )
                }
            }
            #expect(c.isIntact && weights.words.isIntact)
        }
    }

    @Test(arguments: levels, sizes) func productsAreExactSumsTimesScales(
        level: KernelLevel, size: Size
    ) throws {
        var noise = Noise(seed: UInt64(size.inner * 100 + size.rows))
        let rows = try Rows(size) { _, _ in noise.next() }
        let weights = try Weights(size) { _, _ in
            noise.integer(below: 255) - 127
        } scale: { _ in
            abs(noise.next())
        }
        try expectExactProducts(level, size, rows, weights, noise: &noise)
    }

    /// The longest sums there are, all of one sign: they must fit into 32 bits, and pairs into whatever holds them.
    @Test(arguments: levels, [-127, 127]) func theGreatestSumsFit(level: KernelLevel, number: Int) throws {
        var noise = Noise(seed: 1)
        for rowCount in [1, 2] {
            let size = Size(rows: rowCount, inner: 65_536, panels: 1)
            for sign: Float in [-1, 1] {
                let rows = try Rows(size) { _, _ in sign }
                let weights = try Weights(size) { _, _ in
                    number
                } scale: { _ in
                    0.5
                }
                try expectExactProducts(level, size, rows, weights, noise: &noise)
            }
        }
    }

    /// Logits of a few rows and of one.
    @Test(arguments: levels) func decodersAddTheBias(level: KernelLevel) throws {
        for rowCount in [1, 5, 17] {
            let size = Size(rows: rowCount, inner: 45, panels: 2)
            var noise = Noise(seed: UInt64(rowCount))
            let kernels = try level.kernels(for: .int8).pointee
            let rows = try Rows(size) { _, _ in noise.next() }
            rows.pack(kernels)
            let weights = try Weights(size) { _, _ in
                noise.integer(below: 255) - 127
            } scale: { _ in
                abs(noise.next())
            }
            let bias = try GuardedBuffer((0..<64).map { $0 < 50 ? noise.next() : -.infinity })
            let logits = try GuardedBuffer(untouched: 2 * rowCount * 32)
            let panels = UnrollPanels(base: logits.base, time: 0, panel: rowCount * 32, row: 32)
            var decoder = UnrollDecoder(
                batch: Int32(rowCount), hidden: 45, vocabulary: 50, weight: weights.words.base,
                weight_panel: weights.panel, bias: bias.base, input: rows.unitWords,
                logits: UnrollOperand(values: panels, unit_words: panels, row_words: panels), targets: nil,
                losses: nil, gradient_scale: 0, label_smoothing: 0)
            kernels.decode(
                &decoder, 0, UnrollRange(begin: 0, end: Int32(rowCount)), UnrollRange(begin: 0, end: 2))
            for token in 0..<50 {
                for row in 0..<rowCount {
                    #expect(
                        logits.base[(token / 32 * rowCount + row) * 32 + token % 32]
                            == weights.product(rows, row, token, plus: bias.base[token]))
                }
            }
            #expect(logits.isIntact)
        }
    }
}
