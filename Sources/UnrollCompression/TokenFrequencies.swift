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

    /// Takes over logits, `[V]`.
    ///
    /// - Parameters:
    ///   - logits: One for each token.
    ///   - escapes: How probable `<unk>` is at least: a model that knew all of its own text never expects it.
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

    /// Writes the weights of `softmax(logits)` and returns their sum, or nil where one is not a number.
    ///
    /// Loops of one kind of operation each, which the compiler makes vectors of.
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
        // Added to this, a number is rounded to a whole one, which stands in the lowest bits.
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

/// How often a text has had something that the vocabulary lacks.
struct EscapeRate {
    private var tokens: UInt64 = 0
    private var escapes: UInt64 = 0
    /// What came lately counts more: beyond this both numbers are halved.
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
