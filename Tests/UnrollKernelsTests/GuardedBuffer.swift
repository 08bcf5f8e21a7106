import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// Numbers between guards, which show whether a kernel wrote beyond its share.
final class GuardedBuffer {
    /// What no kernel writes: not a number, of a bit pattern of its own.
    static let untouched = Float(bitPattern: 0x7fc0_dead)
    private static let guardCount = 64

    let base: UnsafeMutablePointer<Float>
    let count: Int
    private let memory: UnsafeMutablePointer<Float>

    /// The address is aligned for vectors, but for an `offset` in floats.
    init(_ values: [Float], offset: Int = 0) throws {
        count = values.count
        memory = try #require(unroll_allocate(values.count + offset + 2 * Self.guardCount))
        base = memory + Self.guardCount + offset
        memory.update(repeating: Self.untouched, count: Self.guardCount + offset)
        (base + count).update(repeating: Self.untouched, count: Self.guardCount)
        for (index, value) in values.enumerated() { base[index] = value }
    }

    convenience init(untouched count: Int, offset: Int = 0) throws {
        try self.init([Float](repeating: Self.untouched, count: count), offset: offset)
    }

    deinit {
        free(memory)
    }

    var values: [Float] {
        (0..<count).map { base[$0] }
    }

    func isUntouched(_ index: Int) -> Bool {
        base[index].bitPattern == Self.untouched.bitPattern
    }

    /// Whether the guards before and after are as they were.
    var isIntact: Bool {
        (0..<Self.guardCount).allSatisfy { isUntouched($0 - Self.guardCount) && isUntouched(count + $0) }
    }
}

/// Tensors of panels, `[T][P][B][32]`, of which the first `units` of the panels are in use.
struct Panels {
    let sequenceLength: Int
    let batchSize: Int
    let units: Int
    let buffer: GuardedBuffer

    var panelCount: Int { (units + 31) / 32 }

    /// Fills the units with `value(t, b, unit)` and the padding with zeros.
    init(
        sequenceLength: Int, batchSize: Int, units: Int, _ value: (_ t: Int, _ b: Int, _ unit: Int) -> Float
    ) throws {
        self.sequenceLength = sequenceLength
        self.batchSize = batchSize
        self.units = units
        var values: [Float] = []
        for t in 0..<sequenceLength {
            for unit in stride(from: 0, to: (units + 31) / 32 * 32, by: 32) {
                for b in 0..<batchSize {
                    values += (unit..<unit + 32).map { $0 < units ? value(t, b, $0) : 0 }
                }
            }
        }
        buffer = try GuardedBuffer(values)
    }

    func index(_ t: Int, _ b: Int, _ unit: Int) -> Int {
        ((t * panelCount + unit / 32) * batchSize + b) * 32 + unit % 32
    }

    subscript(t: Int, b: Int, unit: Int) -> Float {
        buffer.base[index(t, b, unit)]
    }

    var layout: UnrollPanels {
        UnrollPanels(
            base: buffer.base, time: panelCount * batchSize * 32, panel: batchSize * 32, row: 32)
    }
}

/// A tensor with the words that a precision's products read in its place.
struct Operand {
    let values: Panels
    let precision: Precision
    /// Untouched until the kernels pack them; in float32 nobody does.
    let unitWords: GuardedBuffer
    let rowWords: GuardedBuffer

    init(_ values: Panels, precision: Precision) throws {
        self.values = values
        self.precision = precision
        let tiles = values.sequenceLength * values.panelCount
        unitWords = try GuardedBuffer(untouched: tiles * values.batchSize * 16)
        rowWords = try GuardedBuffer(untouched: tiles * Self.rowPairs(values) * 32)
    }

    private static func rowPairs(_ values: Panels) -> Int { (values.batchSize + 1) / 2 }

    func unitWordIndex(_ t: Int, _ b: Int, _ unit: Int) -> Int { values.index(t, b, unit) / 2 }

    func rowWordIndex(_ t: Int, _ b: Int, _ unit: Int) -> Int {
        ((t * values.panelCount + unit / 32) * Self.rowPairs(values) + b / 2) * 32 + unit % 32
    }

    var layout: UnrollOperand {
        guard precision == .bfloat16 else {
            return UnrollOperand(
                values: values.layout, unit_words: values.layout, row_words: values.layout)
        }
        let unitPanel = values.batchSize * 16
        let rowPanel = Self.rowPairs(values) * 32
        return UnrollOperand(
            values: values.layout,
            unit_words: UnrollPanels(
                base: unitWords.base, time: values.panelCount * unitPanel, panel: unitPanel, row: 16),
            row_words: UnrollPanels(
                base: rowWords.base, time: values.panelCount * rowPanel, panel: rowPanel, row: 32))
    }

    /// Packs everything.
    func pack(_ kernels: UnrollKernels) {
        var operand = layout
        for t in 0..<values.sequenceLength {
            kernels.pack(
                &operand, Int32(t), UnrollRange(begin: 0, end: Int32(values.panelCount)),
                UnrollRange(begin: 0, end: Int32(values.batchSize)))
        }
    }

    var isIntact: Bool { values.buffer.isIntact && unitWords.isIntact && rowWords.isIntact }
}

/// The nearest bfloat16, ties to even: the upper half of a float32.
///
/// By distances in double precision, and not by arithmetic on bits, as the kernels do it.
func bfloat16(_ x: Float) -> UInt16 {
    func magnitude(_ bits: UInt16) -> Double {
        // What would follow the greatest finite number counts as a number in the comparison, and is infinite after it.
        bits == 0x7f80 ? 0x1p128 : Double(Float(bitPattern: UInt32(bits) << 16))
    }
    let below = UInt16(x.magnitude.bitPattern >> 16)
    guard x.isFinite else { return UInt16(x.bitPattern >> 16) | (x.isNaN ? 0x40 : 0) }
    let down = Double(x.magnitude) - magnitude(below)
    let up = magnitude(below + 1) - Double(x.magnitude)
    let rounded = down < up || (down == up && below % 2 == 0) ? below : below + 1
    return rounded | (x.sign == .minus ? 0x8000 : 0)
}

extension Float {
    /// The number as products of a precision see it.
    func rounded(to precision: Precision) -> Float {
        precision == .float32 ? self : Float(bitPattern: UInt32(bfloat16(self)) << 16)
    }
}

/// Every precision on every level that this processor has.
struct KernelChoice: CustomTestStringConvertible, Sendable {
    let precision: Precision
    let level: KernelLevel

    static let available = Precision.trainable.flatMap { precision in
        KernelLevel.available(for: precision).map { KernelChoice(precision: precision, level: $0) }
    }

    func kernels() throws -> UnrollKernels { try level.kernels(for: precision).pointee }

    var testDescription: String { "\(precision) \(level)" }
}

/// Random numbers, the same in every run.
struct Noise {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// Returns a number between -1 and 1.
    mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
    }

    /// Returns an integer from 0 up to, not including, `bound`.
    mutating func integer(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}

/// Whether two numbers are the same in every bit, or neither is a number.
func hasSameBits(_ a: Float, _ b: Float) -> Bool {
    a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
}

/// How far a sum of `count` products in single precision may be from the exact one.
func summationBound(count: Int, magnitude: Double) -> Double {
    Double(count + 1) * 0x1p-24 * magnitude * 1.01 + 1e-44
}
