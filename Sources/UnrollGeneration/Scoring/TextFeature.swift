/// A property of a place in a text that a hidden unit may track.
package enum TextFeature: CaseIterable, Sendable {
    /// 1 between quotation marks, else 0; a paragraph ends a quotation that is still open.
    ///
    /// Of single marks, those after white space begin one, and those after punctuation end it; others are apostrophes.
    case quotation
    /// Characters since the line began.
    case linePosition
    /// Brackets of any kind that are open.
    case bracketDepth
    /// Letters and digits since the word began, 0 between words.
    case wordPosition
    /// Blanks at the beginning of the line, so far.
    case indentation

    /// The feature in words.
    package var title: String {
        switch self {
        case .quotation: "inside quotes"
        case .linePosition: "position in the line"
        case .bracketDepth: "depth of brackets"
        case .wordPosition: "position in the word"
        case .indentation: "indentation"
        }
    }

    /// The features at each of some places of a text.
    ///
    /// - Parameters:
    ///   - bytes: The text in UTF-8; invalid bytes count as letters.
    ///   - ends: The places, as numbers of bytes before them, rising.
    /// - Returns: For each place all features, in the order of the cases.
    package static func values(in bytes: [UInt8], at ends: some Sequence<Int>) -> [[Float]] {
        var tracker = FeatureTracker()
        var read = 0
        return ends.map { end in
            while read < min(end, bytes.count) {
                tracker.read(bytes[read])
                read += 1
            }
            return allCases.map { tracker.value(of: $0) }
        }
    }
}

/// Follows a text byte by byte.
private struct FeatureTracker {
    private var isQuoted = false
    private var isLineBlank = true
    private var linePosition = 0
    private var bracketDepth = 0
    private var wordPosition = 0
    private var indentation = 0
    /// The last four bytes, the last one lowest.
    private var recent: UInt32 = 0x0A

    mutating func read(_ byte: UInt8) {
        recent = recent << 8 | UInt32(byte)
        let isContinuation = byte & 0xC0 == 0x80
        if !isContinuation { linePosition += 1 }
        var isLetter = false
        switch byte {
        case UInt8(ascii: "\n"):
            if isLineBlank { isQuoted = false }
            (linePosition, indentation, isLineBlank) = (0, 0, true)
        case UInt8(ascii: " "), UInt8(ascii: "\t"):
            if isLineBlank { indentation += 1 }
        case UInt8(ascii: "\""): isQuoted.toggle()
        case UInt8(ascii: "'"):
            let before = recent >> 8 & 0xFF
            if [0x0A, 0x20, 0x28].contains(before) {
                isQuoted = true
            } else if Self.endsClause(before) {
                isQuoted = false
            }
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): bracketDepth += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): bracketDepth = max(bracketDepth - 1, 0)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            isLetter = true
        case 0x80...:
            switch recent & 0xFF_FFFF {
            case 0xE2_809C, 0xE2_809E, 0xE2_8098: isQuoted = true  // “ „ ‘
            case 0xE2_809D: isQuoted = false  // ”
            case 0xE2_8099: if Self.endsClause(recent >> 24) { isQuoted = false }  // ’
            default: isLetter = true
            }
        default: break
        }
        if ![0x0A, 0x0D, 0x20, 0x09].contains(byte) { isLineBlank = false }
        wordPosition = isLetter ? wordPosition + (isContinuation ? 0 : 1) : 0
    }

    private static func endsClause(_ byte: UInt32) -> Bool {
        ".,;:!?-".utf8.contains { UInt32($0) == byte }
    }

    func value(of feature: TextFeature) -> Float {
        switch feature {
        case .quotation: isQuoted ? 1 : 0
        case .linePosition: Float(linePosition)
        case .bracketDepth: Float(bracketDepth)
        case .wordPosition: Float(wordPosition)
        case .indentation: Float(indentation)
        }
    }
}

/// How closely hidden units follow features of a text: Pearson's correlation, from sums of a single pass.
package struct UnitCorrelations {
    private let unitCount: Int
    private var count = 0.0
    /// Sums of each unit's activations and of their squares, `[units]`.
    private var sums: [Double]
    private var squares: [Double]
    /// The same of features, `[features]`.
    private var featureSums: [Double]
    private var featureSquares: [Double]
    /// Sums of products, `[features][units]`.
    private var products: [[Double]]

    package init(unitCount: Int, featureCount: Int) {
        self.unitCount = unitCount
        sums = [Double](repeating: 0, count: unitCount)
        squares = sums
        featureSums = [Double](repeating: 0, count: featureCount)
        featureSquares = featureSums
        products = [[Double]](repeating: sums, count: featureCount)
    }

    /// Adds another place of the text.
    ///
    /// - Parameters:
    ///   - activations: The activations of all units.
    ///   - features: The features of the place.
    package mutating func add(_ activations: [Float], features: [Float]) {
        count += 1
        for unit in 0..<unitCount {
            let activation = Double(activations[unit])
            sums[unit] += activation
            squares[unit] += activation * activation
        }
        for (index, feature) in features.enumerated() where feature != 0 {
            let feature = Double(feature)
            featureSums[index] += feature
            featureSquares[index] += feature * feature
            for unit in 0..<unitCount { products[index][unit] += feature * Double(activations[unit]) }
        }
    }

    /// The correlation of a unit with a feature, from -1 to 1; 0 if either is constant.
    package func correlation(unit: Int, feature: Int) -> Double {
        let spread = variation(sums[unit], squares[unit])
        let featureSpread = variation(featureSums[feature], featureSquares[feature])
        guard spread > 0, featureSpread > 0 else { return 0 }
        let common = count * products[feature][unit] - sums[unit] * featureSums[feature]
        return min(max(common / (spread * featureSpread).squareRoot(), -1), 1)
    }

    /// The units with the greatest absolute correlations with a feature, the greatest first.
    package func best(_ count: Int, for feature: Int) -> [(unit: Int, correlation: Double)] {
        let all = (0..<unitCount).map { (unit: $0, correlation: correlation(unit: $0, feature: feature)) }
        let found = all.filter { $0.correlation != 0 }.sorted { left, right in
            let (first, second) = (abs(left.correlation), abs(right.correlation))
            return first == second ? left.unit < right.unit : first > second
        }
        return Array(found.prefix(count))
    }

    /// The variance times the square of the count, 0 if it is no more than rounding.
    private func variation(_ sum: Double, _ square: Double) -> Double {
        let value = count * square - sum * sum
        return value > 1e-12 * count * square ? value : 0
    }
}
