/// A text as token ids, with the vocabulary that they are numbered by.
public struct Corpus: Sendable {
    /// The tokens that the ids stand for.
    public let vocabulary: Vocabulary
    /// The text.
    public let tokens: TokenIDs
    /// What to call the text in messages: a file name, "standard input" ….
    public let name: String
    /// The number of bytes of preprocessed text that the tokens stand for; nil when it is not known.
    ///
    /// A part that `split` made knows it for byte tokens alone.
    public let byteCount: Int?
    /// The number of Unicode scalars of preprocessed text that the tokens stand for; nil when it is not known.
    ///
    /// Byte tokens need not be UTF-8 and have none; a part that `split` made knows it for characters alone.
    public let characterCount: Int?
    /// The number of tokens that the vocabulary lacks, if it is known without counting.
    private let countedUnknown: Int?
    /// The fingerprint, if it is known without reading all tokens.
    private let knownFingerprint: UInt64?

    /// The number of tokens that the vocabulary lacks; a part of a text that lacks some counts them each time.
    public var unknownCount: Int { countedUnknown ?? tokens.occurrences(of: Vocabulary.unknownID) }

    /// Makes tokens and a vocabulary of a string.
    public init(
        text: String, name: String = "text", preprocessing: Preprocessing = .none,
        tokens kind: TokenKind = .characters, minimumFrequency: Int = 1, limit: Int? = nil
    ) throws(TextError) {
        try self.init(
            bytes: text.utf8, name: name, preprocessing: preprocessing, tokens: kind,
            minimumFrequency: minimumFrequency, limit: limit)
    }

    /// Makes tokens and a vocabulary of bytes, such as those of standard input.
    public init(
        bytes: some Collection<UInt8>, name: String, preprocessing: Preprocessing = .none,
        tokens kind: TokenKind = .characters, minimumFrequency: Int = 1, limit: Int? = nil
    ) throws(TextError) {
        self = try Self.reading(bytes) { source throws(TextError) in
            try Corpus(
                TextPieces(
                    texts: [TextSource(source, name: name)], name: name, preprocessing: preprocessing,
                    kind: kind),
                name: name, minimumFrequency: minimumFrequency, limit: limit)
        }
    }

    /// Makes tokens of bytes, of a vocabulary that is there already.
    public init(bytes: some Collection<UInt8>, name: String, vocabulary: Vocabulary) throws(TextError) {
        self = try Self.reading(bytes) { source throws(TextError) in
            try Corpus(
                TextPieces(
                    texts: [TextSource(source, name: name)], name: name,
                    preprocessing: vocabulary.preprocessing, kind: vocabulary.kind),
                name: name, vocabulary: vocabulary)
        }
    }

    /// A number that tells this text from others: equal for equal ids under vocabularies of the same tokens.
    ///
    /// It is FNV-1a, and no protection from somebody who looks for two texts with the same number.
    public var fingerprint: UInt64 {
        if let knownFingerprint { return knownFingerprint }
        var fingerprint = Fingerprint(vocabulary)
        fingerprint.add(tokens)
        return fingerprint.value
    }

    /// A part of the text, of which only what needs no reading is known.
    func part(_ range: Range<Int>) -> Corpus {
        Corpus(
            tokens: tokens.part(range), vocabulary: vocabulary, name: name,
            byteCount: vocabulary.kind == .bytes ? range.count : nil,
            characterCount: vocabulary.kind == .characters ? range.count : nil,
            unknownCount: countedUnknown == 0 ? 0 : nil, fingerprint: nil)
    }

    init(
        tokens: TokenIDs, vocabulary: Vocabulary, name: String, byteCount: Int?, characterCount: Int?,
        unknownCount: Int?, fingerprint: UInt64?
    ) {
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.name = name
        self.byteCount = byteCount
        self.characterCount = characterCount
        countedUnknown = unknownCount
        knownFingerprint = fingerprint
    }

    /// Reads a text twice, to make a vocabulary and then to make tokens, which are kept in memory.
    init(
        _ pieces: TextPieces, name: String, minimumFrequency: Int, limit: Int?
    ) throws(TextError) {
        if let limit, limit < 1 { throw .invalidLimit(limit) }
        let counts = try TokenCounts(of: pieces)
        try self.init(
            pieces, name: name,
            vocabulary: try Vocabulary(counts, of: pieces, minimumFrequency: minimumFrequency),
            limit: limit ?? .max, expected: counts.total)
    }

    /// Reads a text as tokens of a vocabulary, which are kept in memory.
    init(_ pieces: TextPieces, name: String, vocabulary: Vocabulary) throws(TextError) {
        // No token is shorter than a byte, and words have something between them.
        let size = pieces.byteCount
        try self.init(
            pieces, name: name, vocabulary: vocabulary, limit: .max,
            expected: pieces.kind == .words ? size / 2 + 1 : size)
    }

    private init(
        _ pieces: TextPieces, name: String, vocabulary: Vocabulary, limit: Int, expected: Int
    ) throws(TextError) {
        var encoder = TokenEncoder(vocabulary)
        let tokens =
            switch vocabulary.bytesPerID {
            case 1: TokenIDs(try encoder.ids(of: pieces, limit: limit, expected: expected, as: UInt8.self))
            case 2: TokenIDs(try encoder.ids(of: pieces, limit: limit, expected: expected, as: UInt16.self))
            default: TokenIDs(try encoder.ids(of: pieces, limit: limit, expected: expected, as: UInt32.self))
            }
        guard !tokens.isEmpty else { throw .emptyText(file: pieces.name) }
        self.init(
            tokens: tokens, vocabulary: vocabulary, name: name, byteCount: encoder.byteCount,
            characterCount: vocabulary.kind == .bytes ? nil : encoder.characterCount,
            unknownCount: tokens.occurrences(of: Vocabulary.unknownID), fingerprint: nil)
    }

    private static func reading(
        _ bytes: some Collection<UInt8>, _ body: (MemorySource) throws(TextError) -> Corpus
    ) throws(TextError) -> Corpus {
        func result(_ buffer: UnsafeBufferPointer<UInt8>) -> Result<Corpus, TextError> {
            Result { () throws(TextError) in try body(MemorySource(bytes: UnsafeRawBufferPointer(buffer))) }
        }
        let inPlace = bytes.withContiguousStorageIfAvailable(result)
        return try (inPlace ?? Array(bytes).withUnsafeBufferPointer(result)).get()
    }
}
