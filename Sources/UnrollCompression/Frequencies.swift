import UnrollGeneration
import UnrollText

/// A model's probabilities of the next token as frequencies.
///
/// The most probable token has 2^22, every other its share of that, and 1 more than what that is rounded to. Only
/// additions, multiplications and operations on bits are used, which have one result everywhere; sums are of whole numbers.
struct TokenFrequencies: Frequencies {
    private var weights: [UInt32]
    private(set) var total: UInt64 = 0

    init(vocabularySize: Int) {
        weights = [UInt32](repeating: 0, count: vocabularySize)
    }

    /// Converts logits, `[V]`.
    ///
    /// - Parameters:
    ///   - logits: One for each token.
    ///   - escapes: The least probability of `<unk>`: a model whose vocabulary had all of its own text never expects it.
    /// - Throws: `GenerationError.notANumber`.
    mutating func update(
        from logits: UnsafeBufferPointer<Float>, escapes: EscapeRate
    ) throws(GenerationError) {
        guard
            let sum = weights.withUnsafeMutableBufferPointer({ Self.fill($0, from: logits) })
        else { throw .notANumber }
        let unknown = Int(Vocabulary.unknownID)
        let others = sum - UInt64(weights[unknown])
        weights[unknown] = max(weights[unknown], escapes.weight(beside: others))
        total = others + UInt64(weights[unknown])
    }

    func interval(of symbol: Int) -> (start: UInt64, size: UInt64) {
        (weights[..<symbol].reduce(0) { $0 &+ UInt64($1) }, UInt64(weights[symbol]))
    }

    func symbol(at point: UInt64) -> (symbol: Int, start: UInt64, size: UInt64) {
        var (symbol, start) = (0, UInt64(0))
        while start + UInt64(weights[symbol]) <= point {
            start += UInt64(weights[symbol])
            symbol += 1
        }
        return (symbol, start, UInt64(weights[symbol]))
    }

    /// Writes the weights of `softmax(logits)` and returns their sum, or nil if a logit is not finite.
    ///
    /// Its loops have one kind of operation each, so that the compiler vectorizes them.
    private static func fill(
        _ weights: UnsafeMutableBufferPointer<UInt32>, from logits: UnsafeBufferPointer<Float>
    ) -> UInt64? {
        let infinity: UInt32 = 0x7F80_0000
        var greatest = Int32.min
        var exponents: UInt32 = 0
        for logit in logits {
            let bits = logit.bitPattern
            exponents = max(exponents, bits & infinity)
            // Whole numbers in the order of the floats that these bits are.
            let order = Int32(bitPattern: bits) ^ (Int32(bitPattern: bits) >> 31 & Int32.max)
            greatest = order > greatest ? order : greatest
        }
        guard exponents != infinity else { return nil }
        let maximum = Float(bitPattern: UInt32(bitPattern: greatest ^ (greatest >> 31 & Int32.max)))
        var sum: UInt64 = 0
        for index in 0..<weights.count {
            let weight = Self.weight(ofExponent: (logits[index] - maximum) * 1.442_695)
            weights[index] = weight
            sum &+= UInt64(weight)
        }
        return sum
    }

    /// 2^22 times a power of two, rounded, and 1; the exponent is 0 or less.
    @inline(__always)
    private static func weight(ofExponent exponent: Float) -> UInt32 {
        let exponent = exponent < -64 ? -64 : exponent
        // Adding this rounds a number to a whole one, which is then in the lowest bits.
        let rounder: Float = 0x1.8p23
        let rounded = exponent + rounder
        let x = exponent - (rounded - rounder)
        // The series of 2^x, |x| <= 1/2, right to 3e-6.
        var power: Float = 0.001_333_355_8 * x + 0.009_618_129
        power = power * x + 0.055_504_11
        power = power * x + 0.240_226_5
        power = power * x + 0.693_147_2
        power = power * x + 1
        let scaled = Float(bitPattern: power.bitPattern &+ rounded.bitPattern << 23)
        return (scaled * 0x1p22 + 0x1p23).bitPattern & 0x7F_FFFF &+ 1
    }
}

/// How often a text has had characters that the vocabulary lacks.
struct EscapeRate {
    private var tokens: UInt64 = 0
    private var escapes: UInt64 = 0
    /// Recent tokens count more: beyond this, both numbers are halved.
    private static let memory: UInt64 = 1 << 12

    /// The weight of an escape beside that of all tokens together.
    func weight(beside others: UInt64) -> UInt32 {
        UInt32(clamping: others / (tokens - escapes + 1) * escapes)
    }

    mutating func count(isEscape: Bool) {
        tokens += 1
        if isEscape { escapes += 1 }
        guard tokens > Self.memory else { return }
        tokens /= 2
        escapes /= 2
    }
}

/// Frequencies that are learned from the symbols so far.
struct AdaptiveFrequencies: Frequencies {
    private var counts: [UInt16]
    private(set) var total: UInt64
    /// The increment of a symbol's count when it comes; a symbol that never came counts 1.
    private static let increment: UInt16 = 48
    /// Beyond this, all counts are halved, so that recent symbols count more.
    private static let maximumTotal: UInt64 = 1 << 13

    /// Expects all symbols equally, or one of them more than the others.
    init(symbolCount: Int, expecting symbol: Int? = nil) {
        counts = [UInt16](repeating: 1, count: symbolCount)
        if let symbol { counts[symbol] += 8 * Self.increment }
        total = counts.reduce(0) { $0 + UInt64($1) }
    }

    func interval(of symbol: Int) -> (start: UInt64, size: UInt64) {
        (counts[..<symbol].reduce(0) { $0 + UInt64($1) }, UInt64(counts[symbol]))
    }

    func symbol(at point: UInt64) -> (symbol: Int, start: UInt64, size: UInt64) {
        var (symbol, start) = (0, UInt64(0))
        while start + UInt64(counts[symbol]) <= point {
            start += UInt64(counts[symbol])
            symbol += 1
        }
        return (symbol, start, UInt64(counts[symbol]))
    }

    /// Codes a symbol and learns from it.
    mutating func code(_ symbol: @autoclosure () -> Int, with coder: inout some SymbolCoder) -> Int {
        let symbol = coder.code(symbol(), with: self)
        counts[symbol] += Self.increment
        total += UInt64(Self.increment)
        if total > Self.maximumTotal {
            for index in counts.indices { counts[index] = (counts[index] + 1) / 2 }
            total = counts.reduce(0) { $0 + UInt64($1) }
        }
        return symbol
    }
}
