import UnrollText

/// Tokens the slow and obvious way, through strings, to compare the fast way with.
struct ReferenceText {
    /// The kinds of tokens that it knows.
    static let kinds = TokenKind.allCases.filter { $0 != .subwords }

    let tokens: [[UInt8]]

    init(_ text: String, _ preprocessing: Preprocessing, _ kind: TokenKind) {
        tokens =
            kind == .bytes
            ? Self.preprocessedBytes(Array(text.utf8), preprocessing).map { [$0] }
            : Self.tokens(Self.preprocessedScalars(text, preprocessing), kind)
    }

    /// The tokens by falling frequency, then by bytes.
    func vocabulary(minimumFrequency: Int = 1) -> [[UInt8]] {
        let counts = Dictionary(tokens.map { ($0, 1) }, uniquingKeysWith: +)
        let known = counts.filter { $0.value >= minimumFrequency }
        return known.sorted { left, right in
            left.value == right.value
                ? left.key.lexicographicallyPrecedes(right.key) : left.value > right.value
        }.map(\.key)
    }

    private static func preprocessedScalars(_ text: String, _ preprocessing: Preprocessing) -> [Unicode
        .Scalar]
    {
        var scalars = Array(text.unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        switch preprocessing {
        case .none:
            return scalars
        case .lowercase:
            let lower = scalars.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
            return Array(lower.split { $0.properties.isWhitespace }.joined(separator: [" "]))
        case .letters:
            var result: [Unicode.Scalar] = []
            for scalar in scalars {
                if scalar.isASCII, scalar.properties.isAlphabetic {
                    result += scalar.properties.lowercaseMapping.unicodeScalars
                } else if result.last != " " {
                    result.append(" ")
                }
            }
            return result
        }
    }

    private static func preprocessedBytes(_ bytes: [UInt8], _ preprocessing: Preprocessing) -> [UInt8] {
        func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 32 : byte }
        func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(lower(byte)) }
        switch preprocessing {
        case .none:
            return bytes
        case .lowercase:
            let words = bytes.map(lower).split { [9, 10, 11, 12, 13, 32].contains($0) }
            return Array(words.joined(separator: [32]))
        case .letters:
            return bytes.reduce(into: []) { result, byte in
                if isLetter(byte) {
                    result.append(lower(byte))
                } else if result.last != 32 {
                    result.append(32)
                }
            }
        }
    }

    private static func tokens(_ scalars: [Unicode.Scalar], _ kind: TokenKind) -> [[UInt8]] {
        let tokens =
            kind == .words
            ? scalars.split { $0.properties.isWhitespace }.map(Array.init) : scalars.map { [$0] }
        return tokens.map { token in
            var string = String.UnicodeScalarView()
            string.append(contentsOf: token)
            return Array(String(string).utf8)
        }
    }
}
