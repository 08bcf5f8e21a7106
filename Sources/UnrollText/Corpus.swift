import Foundation

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
    /// The number of tokens that the vocabulary lacks.
    public let unknownCount: Int

    /// Reads a text file and makes a vocabulary of all of it.
    ///
    /// - Parameters:
    ///   - url: A file, a pipe or a device.
    ///   - preprocessing: What to do before the text is cut into tokens.
    ///   - kind: What one token is.
    ///   - minimumFrequency: Tokens that occur less often are unknown to the vocabulary.
    ///   - limit: How many tokens of the beginning to keep, once the vocabulary is made; nil keeps all.
    /// - Throws: `TextError` when the file cannot be read, or is no UTF-8 that characters and words could be made of.
    public init(
        contentsOf url: URL, preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        minimumFrequency: Int = 1, limit: Int? = nil
    ) throws(TextError) {
        let pieces = TextPieces(
            source: try FileSource(url), name: url.relativePath, preprocessing: preprocessing, kind: kind)
        try self.init(
            pieces, name: url.lastPathComponent, minimumFrequency: minimumFrequency, limit: limit)
    }

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
                TextPieces(source: source, name: name, preprocessing: preprocessing, kind: kind), name: name,
                minimumFrequency: minimumFrequency, limit: limit)
        }
    }

    /// Reads a text file as tokens of a vocabulary that is there already, such as a model's.
    public init(contentsOf url: URL, vocabulary: Vocabulary) throws(TextError) {
        let pieces = TextPieces(
            source: try FileSource(url), name: url.relativePath, preprocessing: vocabulary.preprocessing,
            kind: vocabulary.kind)
        try self.init(pieces, name: url.lastPathComponent, vocabulary: vocabulary)
    }

    /// Makes tokens of bytes, of a vocabulary that is there already.
    public init(bytes: some Collection<UInt8>, name: String, vocabulary: Vocabulary) throws(TextError) {
        self = try Self.reading(bytes) { source throws(TextError) in
            try Corpus(
                TextPieces(
                    source: source, name: name, preprocessing: vocabulary.preprocessing, kind: vocabulary.kind
                ),
                name: name, vocabulary: vocabulary)
        }
    }

    /// A number that tells this text from others: equal for equal ids under vocabularies of the same tokens.
    ///
    /// It is FNV-1a, and no protection from somebody who looks for two texts with the same number.
    public var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ value: UInt64) {
            hash = (hash ^ value) &* 0x0000_0100_0000_01B3
        }
        for id in vocabulary.table.indices {
            for byte in vocabulary.table[id] { add(UInt64(byte)) }
            add(0x100)
        }
        for id in tokens { add(UInt64(UInt32(bitPattern: id))) }
        return hash
    }

    /// Holds out the last part of the text, so that no token is in both parts.
    public func split(validationFraction: Double) throws(TextError) -> (training: Corpus, validation: Corpus)
    {
        guard validationFraction > 0, validationFraction < 1 else {
            throw .invalidValidationFraction(validationFraction)
        }
        let heldOut = Int((Double(tokens.count) * validationFraction).rounded())
        let cut = tokens.count - heldOut
        guard cut >= 2, heldOut >= 2 else {
            throw .textTooShortToSplit(tokens: tokens.count, validationFraction: validationFraction)
        }
        return (part(0..<cut), part(cut..<tokens.count))
    }

    private func part(_ range: Range<Int>) -> Corpus {
        Corpus(
            tokens: tokens.part(range), vocabulary: vocabulary, name: name,
            byteCount: vocabulary.kind == .bytes ? range.count : nil,
            characterCount: vocabulary.kind == .characters ? range.count : nil)
    }

    private init(
        tokens: TokenIDs, vocabulary: Vocabulary, name: String, byteCount: Int?, characterCount: Int?
    ) {
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.name = name
        self.byteCount = byteCount
        self.characterCount = characterCount
        unknownCount = tokens.occurrences(of: Vocabulary.unknownID)
    }

    private init(
        _ pieces: TextPieces, name: String, minimumFrequency: Int, limit: Int?
    ) throws(TextError) {
        if let limit, limit < 1 { throw .invalidLimit(limit) }
        let counts = try TokenCounts(of: pieces)
        guard counts.table.count < Int32.max else {
            throw .vocabularyTooLarge(file: pieces.name, tokens: counts.table.count)
        }
        let vocabulary = Vocabulary(
            counts, kind: pieces.kind, preprocessing: pieces.preprocessing, minimumFrequency: minimumFrequency
        )
        // Reading stops when there is no room; the white space behind the last word belongs to the text too.
        let total = counts.total
        let capacity = limit.map { min($0, total + 1) } ?? total + 1
        try self.init(pieces, name: name, vocabulary: vocabulary, capacity: capacity)
    }

    private init(_ pieces: TextPieces, name: String, vocabulary: Vocabulary) throws(TextError) {
        // No token is shorter than a byte, and words have something between them.
        let size = pieces.source.byteCount
        try self.init(
            pieces, name: name, vocabulary: vocabulary, capacity: pieces.kind == .words ? size / 2 + 1 : size)
    }

    private init(
        _ pieces: TextPieces, name: String, vocabulary: Vocabulary, capacity: Int
    ) throws(TextError) {
        var encoder = TokenEncoder(vocabulary)
        let tokens =
            switch vocabulary.count {
            case ...0x100: TokenIDs(try encoder.encode(pieces, capacity: capacity, as: UInt8.self))
            case ...0x1_0000: TokenIDs(try encoder.encode(pieces, capacity: capacity, as: UInt16.self))
            default: TokenIDs(try encoder.encode(pieces, capacity: capacity, as: UInt32.self))
            }
        guard !tokens.isEmpty else { throw .emptyText(file: pieces.name) }
        self.init(
            tokens: tokens, vocabulary: vocabulary, name: name, byteCount: encoder.byteCount,
            characterCount: vocabulary.kind == .bytes ? nil : encoder.characterCount)
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
