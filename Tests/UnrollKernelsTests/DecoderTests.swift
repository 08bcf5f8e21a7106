import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// Logits, softmax and cross-entropy, against double precision.
@Suite struct DecoderTests {
    static let vocabularySizes = [1, 2, 31, 32, 33, 64, 257]

    /// A decoder with everything it reads and writes.
    final class Case {
        let sequenceLength: Int
        let batchSize: Int
        let hiddenSize: Int
        let vocabularySize: Int
        let targets: [Int32]
        let losses: UnsafeMutablePointer<Double>
        let input: Panels
        let logits: Panels
        private let weight: GuardedBuffer
        private let bias: GuardedBuffer
        private let targetMemory: UnsafeMutablePointer<Int32>

        static let untouchedLoss = -12345.0

        /// Logits from the bias alone, if there are no `weights`.
        init(
            sequenceLength: Int = 1, batchSize: Int, hiddenSize: Int = 1, bias: [Float],
            weights: (_ token: Int, _ unit: Int) -> Float = { _, _ in 0 },
            input: (_ t: Int, _ b: Int, _ unit: Int) -> Float = { _, _, _ in 0 }, targets: [Int32]
        ) throws {
            self.sequenceLength = sequenceLength
            self.batchSize = batchSize
            self.hiddenSize = hiddenSize
            self.targets = targets
            vocabularySize = bias.count
            let panels = (bias.count + 31) / 32
            self.input = try Panels(
                sequenceLength: sequenceLength, batchSize: batchSize, units: hiddenSize, input)
            // All 32 columns of each panel belong to the kernel, padding included.
            logits = try Panels(sequenceLength: sequenceLength, batchSize: batchSize, units: panels * 32) {
                _, _, _ in
                GuardedBuffer.untouched
            }
            let inner = (hiddenSize + 31) / 32 * 32
            var packed: [Float] = []
            for panel in 0..<panels {
                for unit in 0..<inner {
                    packed += (panel * 32..<panel * 32 + 32).map { token in
                        token < bias.count && unit < hiddenSize ? weights(token, unit) : 0
                    }
                }
            }
            weight = try GuardedBuffer(packed)
            self.bias = try GuardedBuffer(
                bias + [Float](repeating: -.infinity, count: panels * 32 - bias.count))
            targetMemory = .allocate(capacity: sequenceLength * batchSize)
            targetMemory.initialize(from: targets, count: sequenceLength * batchSize)
            losses = .allocate(capacity: sequenceLength * batchSize)
            losses.initialize(repeating: Self.untouchedLoss, count: sequenceLength * batchSize)
        }

        deinit {
            targetMemory.deallocate()
            losses.deallocate()
        }

        func decoder(gradientScale: Float) -> UnrollDecoder {
            UnrollDecoder(
                batch: Int32(batchSize), hidden: Int32(hiddenSize), vocabulary: Int32(vocabularySize),
                weight: weight.base, weight_panel: (hiddenSize + 31) / 32 * 32 * 32, bias: bias.base,
                input: input.layout,
                logits: UnrollOperand(
                    values: logits.layout, unit_words: logits.layout, row_words: logits.layout),
                targets: targetMemory, losses: losses,
                gradient_scale: gradientScale, label_smoothing: 0)
        }

        var isIntact: Bool {
            weight.isIntact && bias.isIntact && input.buffer.isIntact && logits.buffer.isIntact
        }
    }

    /// Logits of many kinds.
    static func logits(_ kind: Int, vocabularySize: Int) -> [Float] {
        var noise = Noise(seed: UInt64(kind * 1000 + vocabularySize))
        return (0..<vocabularySize).map { token in
            switch kind {
            case 0: noise.next() * 3
            case 1: 0
            case 2: 1e4
            case 3: token % 2 == 0 ? 1e4 : -1e4
            case 4: token == 0 ? -1e4 : noise.next()
            case 5: noise.next() * 1e30
            case 6: noise.next() * 80
            case 7: token == vocabularySize / 2 ? 30 : 0
            default: -1e4 + noise.next()
            }
        }
    }

    /// Losses are within 2 · 10⁻⁷ nats and 10⁻⁶ of themselves, the target's gradient within 2⁻²² of the scale.
    ///
    /// Other gradients are within 10⁻⁶ of themselves plus what rounding the distance from the greatest logit costs;
    /// probabilities under e⁻⁸⁷ are zero.
    @Test(arguments: KernelLevel.available(), vocabularySizes)
    func lossesAndGradientsAgreeWithDoublePrecision(
        level: KernelLevel, vocabularySize: Int
    ) throws {
        let scale: Float = 1 / 7
        for kind in 0...8 {
            let logits = Self.logits(kind, vocabularySize: vocabularySize)
            let targets = (0..<11).map { Int32($0 * 37 % vocabularySize) }
            let decoding = try Case(batchSize: 11, bias: logits, targets: targets)
            var decoder = decoding.decoder(gradientScale: scale)
            try level.kernels().pointee.decodeAndScore(&decoder, 0, UnrollRange(begin: 0, end: 11))
            let greatest = Double(logits.max() ?? 0)
            let powers = logits.map { exp(Double($0) - greatest) }
            let sum = powers.reduce(0, +)
            for (b, target) in targets.enumerated() {
                let loss = log(sum) + greatest - Double(logits[Int(target)])
                #expect(
                    abs(decoding.losses[b] - loss) <= 2e-7 + 1e-6 * abs(loss), "\(level) kind \(kind) \(loss)"
                )
                for token in 0..<vocabularySize {
                    let probability = powers[token] / sum
                    let isTarget = token == Int(target)
                    let gradient = Double(decoding.logits[0, b, token])
                    let expected = Double(scale) * (probability - (isTarget ? 1 : 0))
                    let distance = greatest - Double(logits[token])
                    let bound =
                        isTarget ? 0x1p-22 : (1e-6 + min(distance, 90) * 0x1p-24) * probability + 2e-38
                    #expect(
                        abs(gradient - expected) <= Double(scale) * bound,
                        "\(level) kind \(kind) token \(token)")
                }
            }
            Self.checkPadding(of: decoding, rows: 0..<11)
        }
    }

    /// With a target or a rival that is not a number or infinite, the loss is not finite either; the other tokens'
    /// gradients may be anything.
    @Test(arguments: KernelLevel.available(), vocabularySizes) func divergenceStaysVisible(
        level: KernelLevel, vocabularySize: Int
    ) throws {
        for bad in [Float.nan, -.nan, .infinity] {
            for position in Set([0, 1, vocabularySize / 2, vocabularySize - 1])
            where position < vocabularySize {
                var logits = Self.logits(0, vocabularySize: vocabularySize)
                logits[position] = bad
                let targets: [Int32] = [0, Int32(vocabularySize - 1), Int32(position)]
                let decoding = try Case(batchSize: 3, bias: logits, targets: targets)
                var decoder = decoding.decoder(gradientScale: 1)
                try level.kernels().pointee.decodeAndScore(&decoder, 0, UnrollRange(begin: 0, end: 3))
                for b in 0..<3 {
                    #expect(decoding.losses[b].isNaN, "\(level) \(bad) at \(position)")
                    #expect(decoding.logits[0, b, position].isNaN, "\(level) \(bad) at \(position)")
                }
                #expect(decoding.isIntact, "\(level)")
            }
        }
    }

    @Test(arguments: KernelLevel.available()) func anImpossibleTargetHasAnInfiniteLoss(
        level: KernelLevel
    ) throws {
        let decoding = try Case(batchSize: 2, bias: [0.5, -.infinity, 0.5], targets: [1, 2])
        var decoder = decoding.decoder(gradientScale: 1)
        try level.kernels().pointee.decodeAndScore(&decoder, 0, UnrollRange(begin: 0, end: 2))
        #expect(decoding.losses[0] == .infinity)
        #expect(abs(decoding.losses[1] - log(2)) < 1e-7)
        #expect(decoding.logits[0, 0, 1] == -1)
        #expect(decoding.logits[0, 1, 1] == 0)
        Self.checkPadding(of: decoding, rows: 0..<2)
    }

    @Test(arguments: KernelLevel.available(), [(1, 33), (31, 5), (32, 64), (33, 257), (100, 2)])
    func logitsAgreeWithPlainLoops(level: KernelLevel, sizes: (H: Int, V: Int)) throws {
        let (sequenceLength, batchSize) = (3, 13)
        var noise = Noise(seed: UInt64(sizes.H))
        let bias = (0..<sizes.V).map { _ in noise.next() }
        let weights = (0..<sizes.V).map { _ in (0..<sizes.H).map { _ in noise.next() } }
        let targets = (0..<sequenceLength * batchSize).map { _ in Int32(noise.integer(below: sizes.V)) }
        // What lies in the padding of the input must not count.
        let decoding = try Case(
            sequenceLength: sequenceLength, batchSize: batchSize, hiddenSize: sizes.H, bias: bias,
            weights: { weights[$0][$1] }, input: { _, _, _ in noise.next() }, targets: targets)
        for (t, rows) in [(0, 0..<13), (1, 3..<12), (2, 12..<13)] {
            var decoder = decoding.decoder(gradientScale: 0)
            try level.kernels().pointee.decode(
                &decoder, Int32(t), UnrollRange(begin: Int32(rows.lowerBound), end: Int32(rows.upperBound)),
                UnrollRange(begin: 0, end: Int32(decoding.logits.panelCount)))
            for b in 0..<batchSize {
                for token in 0..<sizes.V where rows.contains(b) {
                    var (exact, magnitude) = (Double(bias[token]), Double(abs(bias[token])))
                    for unit in 0..<sizes.H {
                        let term = Double(decoding.input[t, b, unit]) * Double(weights[token][unit])
                        exact += term
                        magnitude += abs(term)
                    }
                    let bound = summationBound(count: sizes.H + 1, magnitude: magnitude)
                    #expect(abs(Double(decoding.logits[t, b, token]) - exact) <= bound, "\(level)")
                }
                for unit in 0..<decoding.logits.units where !rows.contains(b) {
                    #expect(decoding.logits.buffer.isUntouched(decoding.logits.index(t, b, unit)), "\(level)")
                }
            }
        }
        #expect((0..<sequenceLength * batchSize).allSatisfy { decoding.losses[$0] == Case.untouchedLoss })
        #expect(decoding.isIntact, "\(level)")
    }

    @Test(arguments: KernelLevel.available(), vocabularySizes) func onlyTheSharesRowsAreWritten(
        level: KernelLevel, vocabularySize: Int
    ) throws {
        var noise = Noise(seed: 3)
        let targets = (0..<26).map { _ in Int32(noise.integer(below: vocabularySize)) }
        let decoding = try Case(
            sequenceLength: 2, batchSize: 13, bias: Self.logits(0, vocabularySize: vocabularySize),
            targets: targets)
        var decoder = decoding.decoder(gradientScale: 1)
        try level.kernels().pointee.decodeAndScore(&decoder, 1, UnrollRange(begin: 2, end: 11))
        for t in 0..<2 {
            for b in 0..<13 {
                let isWanted = t == 1 && (2..<11).contains(b)
                #expect((decoding.losses[t * 13 + b] == Case.untouchedLoss) != isWanted, "\(level)")
                for unit in 0..<decoding.logits.units {
                    let index = decoding.logits.index(t, b, unit)
                    #expect(decoding.logits.buffer.isUntouched(index) != isWanted, "\(level)")
                }
            }
        }
        #expect(decoding.isIntact, "\(level)")
    }

    /// Losses do not depend on whether gradients are wanted, nor on the share, which begins at a whole tile.
    @Test(arguments: KernelLevel.available()) func lossesAreTheSameInEveryBit(level: KernelLevel) throws {
        var noise = Noise(seed: 4)
        let bias = (0..<40).map { _ in noise.next() }
        let targets = (0..<13).map { _ in Int32(noise.integer(below: 40)) }
        let runs = try [(1, [0, 13]), (0, [0, 13]), (1, [0, 8, 13]), (0, [0, 8, 13])].map {
            scale, cuts in
            var noise = Noise(seed: 5)
            let decoding = try Case(
                batchSize: 13, hiddenSize: 40, bias: bias, weights: { Float(($0 * 7 + $1) % 11) * 0.1 },
                input: { _, _, _ in noise.next() }, targets: targets)
            var decoder = decoding.decoder(gradientScale: Float(scale))
            for (begin, end) in zip(cuts, cuts.dropFirst()) {
                try level.kernels().pointee.decodeAndScore(
                    &decoder, 0, UnrollRange(begin: Int32(begin), end: Int32(end)))
            }
            return (0..<13).map { decoding.losses[$0] }
        }
        #expect(runs.allSatisfy { $0 == runs[0] }, "\(level)")
    }

    static func checkPadding(of decoding: Case, rows: Range<Int>) {
        for b in rows {
            for unit in decoding.vocabularySize..<decoding.logits.units {
                #expect(decoding.logits[0, b, unit] == 0)
            }
        }
        #expect(decoding.isIntact)
    }
}

extension UnrollKernels {
    /// Logits and then losses and gradients, as the engine has them with a small vocabulary.
    fileprivate func decodeAndScore(_ decoder: inout UnrollDecoder, _ t: Int32, _ rows: UnrollRange) {
        decode(&decoder, t, rows, UnrollRange(begin: 0, end: (decoder.vocabulary + 31) / 32))
        cross_entropy(&decoder, t, rows)
    }
}
