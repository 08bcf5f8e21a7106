import UnrollBase

/// A text as token ids, with the vocabulary that numbers them.
public struct Corpus: Sendable {
    /// The tokens that the ids stand for.
    public let vocabulary: Vocabulary
    /// The text.
    public let tokens: TokenIDs
    /// The name of the text in messages, such as a file name or "standard input".
    public let name: String
    /// What there is to know about how the text was read; nothing about a part of it.
    public let notices: [TextNotice]
    /// The number of bytes of preprocessed text that the tokens stand for; nil when it is not known.
    ///
    /// For a part that `split` made, it is known for byte tokens only.
    public let byteCount: Int?
    /// The number of Unicode scalars of preprocessed text that the tokens stand for; nil when it is not known.
    ///
    /// Bytes and subwords need not be UTF-8 and have none. For a part that `split` made, it is known for characters only.
    public let characterCount: Int?
    /// The number of tokens that the vocabulary lacks, if it is known without counting.
    private let countedUnknown: Int?
    /// The fingerprint, if it is known without reading all tokens.
    private let knownFingerprint: UInt64?

    /// The number of tokens that the vocabulary lacks.
    ///
    /// A part of a text in which some are lacking counts them each time.
    public var unknownCount: Int { countedUnknown ?? tokens.occurrences(of: Vocabulary.unknownID) }

    /// A number that tells this text from others: equal for equal ids under vocabularies of the same tokens.
    ///
    /// It is the hash FNV-1a, and no protection from a person who looks for two texts with the same number.
    public var fingerprint: UInt64 {
        if let knownFingerprint { return knownFingerprint }
        var fingerprint = Fingerprint(vocabulary)
        fingerprint.add(tokens)
        return fingerprint.value
    }

    /// A part of the text, with the figures that are known without reading it.
    func part(_ range: Range<Int>) -> Corpus {
        Corpus(
            tokens: tokens.part(range), vocabulary: vocabulary, name: name,
            byteCount: vocabulary.kind == .bytes ? range.count : nil,
            characterCount: vocabulary.kind == .characters ? range.count : nil,
            unknownCount: countedUnknown == 0 ? 0 : nil, fingerprint: nil)
    }

    init(
        tokens: TokenIDs, vocabulary: Vocabulary, name: String, byteCount: Int?, characterCount: Int?,
        unknownCount: Int?, fingerprint: UInt64?, notices: [TextNotice] = []
    ) {
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.name = name
        self.notices = notices
        self.byteCount = byteCount
        self.characterCount = characterCount
        countedUnknown = unknownCount
        knownFingerprint = fingerprint
    }
}

/// The parts of a text, in its order: for training, for validation and for testing.
public struct CorpusSplit: Sendable {
    /// The part that a model learns from.
    public let training: Corpus
    /// The part that is held out for choosing among epochs, models and options.
    public let validation: Corpus?
    /// The part that is held out from every choice as well, to be read once, when all are made.
    public let test: Corpus?

    /// Puts parts together, which may be texts of their own.
    package init(training: Corpus, validation: Corpus?, test: Corpus?) {
        self.training = training
        self.validation = validation
        self.test = test
    }
}

extension Corpus {
    /// Holds out the last parts of the text, so that no token is in two parts.
    ///
    /// - Parameters:
    ///   - validationFraction: The fraction of the text to validate on, greater than 0 and less than 1. Default: none.
    ///   - testFraction: The fraction of the text, at its very end, to test on, greater than 0 and less than 1. Default:
    ///     none.
    /// - Returns: The parts, which share the text's memory.
    /// - Throws: `ParameterError` when a fraction is out of range, `TextError.textTooShortToSplit` when a part would have
    ///   fewer than two tokens.
    public func split(validationFraction: Double? = nil, testFraction: Double? = nil) throws -> CorpusSplit {
        if validationFraction == nil, testFraction == nil {
            return CorpusSplit(training: self, validation: nil, test: nil)
        }
        func count(_ fraction: Double?, _ parameter: String) throws(ParameterError) -> Int {
            guard let fraction else { return 0 }
            try ParameterError.require(
                fraction > 0 && fraction < 1, parameter, is: fraction, but: "greater than 0 and less than 1")
            // Up, so that the first part is that of `text[:int(0.9 * len(text))]`, but not for the rounding of the product.
            return Int((Double(tokens.count) * fraction - 1e-6).rounded(.up))
        }
        let validated = try count(validationFraction, "validationFraction")
        let tested = try count(testFraction, "testFraction")
        let end = tokens.count - tested
        let cut = end - validated
        guard cut >= 2, validationFraction == nil || validated >= 2, testFraction == nil || tested >= 2 else {
            throw TextError.textTooShortToSplit(
                tokens: tokens.count, validationFraction: validationFraction, testFraction: testFraction)
        }
        return CorpusSplit(
            training: part(0..<cut),
            validation: validationFraction.map { _ in part(cut..<end) },
            test: testFraction.map { _ in part(end..<tokens.count) })
    }
}
