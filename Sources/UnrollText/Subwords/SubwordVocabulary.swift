import UnrollBase

/// Vocabularies of subwords.
extension Vocabulary {
    /// The numbers of tokens that a vocabulary of subwords may have, from one merge on.
    public static let subwordSizes = BytePairEncoding.smallestSize + 1...1 << 20

    /// The number of tokens of a vocabulary of subwords for a text, if none is asked for.
    ///
    /// It is the power of two next to the square root of the number of bytes, in 512...16,384: 1,024 for a megabyte, 8,192
    /// for a hundred.
    ///
    /// - Parameter byteCount: The number of bytes of the text.
    /// - Returns: The number of tokens, `<unk>` and bytes included.
    public static func subwordSize(forTextOf byteCount: Int) -> Int {
        var size = 512
        while size < 16_384, 2 * size * size <= byteCount { size *= 2 }
        return size
    }

    /// The pairs of token ids that are merged into one token, the first merges first; empty unless tokens are subwords.
    public var merges: [(left: Int32, right: Int32)] {
        subwords?.merges.map { ($0.left, $0.right) } ?? []
    }

    /// Makes the subwords of a text.
    init(
        subwordsOf source: TextSource, size: Int?, minimumFrequency: Int
    ) throws(TextError) {
        let counts = try PreTokenCounts(counting: source)
        let encoding = BytePairTrainer.encoding(
            of: counts, size: size ?? Self.subwordSize(forTextOf: counts.total),
            minimumFrequency: max(minimumFrequency, 2))
        self.init(subwords: encoding, preprocessing: source.preprocessing)
    }

    /// Checks the number of tokens that is asked for.
    ///
    /// - Throws: `ParameterError` when it is out of range, or when tokens are no subwords and have no such number.
    package static func check(size: Int?, of kind: TokenKind) throws(ParameterError) {
        guard let size else { return }
        guard kind == .subwords else {
            throw .needs(
                parameter: "vocabularySize", other: "tokens", values: [TokenKind.subwords.rawValue])
        }
        try ParameterError.require(
            subwordSizes.contains(size), "vocabularySize", is: size,
            but: "in \(subwordSizes.lowerBound)...\(subwordSizes.upperBound)")
    }
}
