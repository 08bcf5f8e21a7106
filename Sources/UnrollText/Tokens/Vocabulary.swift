import UnrollBase

/// What one token of a text is.
public enum TokenKind: String, CaseIterable, Codable, Sendable {
    /// A Unicode scalar.
    case characters
    /// A byte, in any encoding of the text.
    case bytes
    /// A run of anything but white space.
    case words
    /// A byte, or several that were merged as they often occur together: byte-level byte-pair encoding.
    ///
    /// The text may be in any encoding. What tokens a text has, and which merges are found, are those of Hugging Face's
    /// `tokenizers` with the model `BPE` and the pre-tokenizer `ByteLevel(add_prefix_space=False)`.
    case subwords = "bpe"

    /// Whether a text is read as bytes, in any encoding, of which nothing is dropped.
    package var isBytewise: Bool { self == .bytes || self == .subwords }
    /// Whether a token at the end of a text may be another once more of the text is read.
    package var isOpenEnded: Bool { self == .words || self == .subwords }
}

/// The tokens that a model knows, numbered from 0, and the rules by which a text is cut into them.
///
/// Id 0 is the unknown token `<unk>`. The others follow by falling frequency, equally frequent ones in the order of their
/// UTF-8 bytes. Subwords follow in another order: the bytes as GPT-2 has them, then one for each merge.
public struct Vocabulary: Sendable, Equatable {
    /// The id of `<unk>`, which stands for every unknown token.
    public static let unknownID: Int32 = 0
    static let unknownToken = "<unk>"

    /// What one token is.
    public let kind: TokenKind
    /// The change that is made to a text before it is cut into tokens.
    public let preprocessing: Preprocessing
    /// The tokens by id: UTF-8, or the one byte of a byte token.
    let table: TokenTable
    /// How bytes are merged into tokens; nil unless tokens are subwords.
    let subwords: BytePairEncoding?

    /// The number of tokens `V`, `<unk>` included.
    public var count: Int { table.count }

    /// Whether tokens, of which none is unknown, determine the bytes of a text.
    package var determinesBytes: Bool { kind != .words && preprocessing == .none }

    /// The size of an id in bytes.
    var bytesPerID: Int {
        switch count {
        case ...0x100: 1
        case ...0x1_0000: 2
        default: 4
        }
    }

    /// Orders the tokens of a text; those that occur less than `minimumFrequency` times stay unknown.
    ///
    /// - Throws: `vocabularyTooLarge`.
    init(_ counts: TokenCounts, of source: TextSource, minimumFrequency: Int) throws(TextError) {
        let found = counts.table
        guard found.count < Int32.max else {
            throw .vocabularyTooLarge(file: source.name, tokens: found.count)
        }
        let order = found.indices.filter { counts.counts[$0] >= minimumFrequency }.sorted { left, right in
            counts.counts[left] == counts.counts[right]
                ? found[left].lexicographicallyPrecedes(found[right])
                : counts.counts[left] > counts.counts[right]
        }
        // A text may contain the word "<unk>", as the Penn Treebank does: it is the unknown token then.
        self.init(
            tokens: order.lazy.map { found[$0] }, kind: source.kind, preprocessing: source.preprocessing)
    }

    init(tokens: some Sequence<ArraySlice<UInt8>>, kind: TokenKind, preprocessing: Preprocessing) {
        var table = TokenTable()
        _ = table.insert(Self.unknownToken.utf8)
        for token in tokens { _ = table.insert(token) }
        self.table = table
        self.kind = kind
        self.preprocessing = preprocessing
        subwords = nil
    }

    /// A vocabulary of the bytes and of the tokens that merges make of them.
    package init(subwords: BytePairEncoding, preprocessing: Preprocessing = .none) {
        table = subwords.tokens
        kind = .subwords
        self.preprocessing = preprocessing
        self.subwords = subwords
    }

    /// The token with an id, or nil when there is none.
    ///
    /// A byte token that is not ASCII is written as `<0xE2>`, and so is each byte of a subword that is not valid UTF-8.
    public func token(_ id: Int32) -> String? {
        contents(of: id).map(name)
    }

    /// The id of a token written as `token(_:)` writes it, or nil when it is unknown.
    public func id(of token: String) -> Int32? {
        let bytes = kind == .bytes ? Self.byte(named: token).map { [$0] } : nil
        let index = table.index(of: bytes ?? Array(token.utf8))
        guard index == nil, kind == .subwords, token.contains(Self.byteNameStart) else {
            return index.map(Int32.init)
        }
        return table.indices.first { name(of: table[$0]) == token }.map(Int32.init)
    }

    /// Preprocesses a whole text and cuts it into tokens.
    public func encode(_ text: String) -> EncodedText {
        var text = text
        var tokenizer = Tokenizer(self)
        return text.withUTF8 { tokenizer.encode($0) }
    }

    /// Preprocesses the beginning of a text, such as a prompt, and cuts it into tokens.
    ///
    /// Preprocessing strips nothing at its ends: a space at the end of a prompt is a token.
    public func encode(prompt: String) -> EncodedText {
        var joint: TextJoint?
        return encode(piece: prompt, after: &joint)
    }

    /// Preprocesses a piece of a text and cuts it into tokens.
    ///
    /// - Parameters:
    ///   - piece: The piece.
    ///   - joint: What the piece follows, nil at the beginning of the text; then what the next piece follows.
    /// - Returns: The tokens, the first of which may be an open word with what the piece adds to it. They take the place of
    ///   those of the open word, which `tokens(ofOpenEnd:)` returns.
    package func encode(piece: String, after joint: inout TextJoint?) -> EncodedText {
        var piece = piece
        var tokenizer = Tokenizer(self)
        return piece.withUTF8 { tokenizer.encode(piece: $0, after: &joint) }
    }

    /// The tokens at the end of a text that the next piece may change.
    package func tokens(ofOpenEnd joint: TextJoint?) -> [Int32] {
        guard let open = joint?.openWord, !open.isEmpty else { return [] }
        var tokenizer = Tokenizer(self)
        return open.withUnsafeBufferPointer { tokenizer.ids(ofPreprocessed: $0) }
    }

    /// The bytes that a token adds to a text: UTF-8, or the one byte of a byte token; none when there is no such id.
    ///
    /// Words do not contain the space that `decode` puts between them.
    public func bytes(of id: Int32) -> [UInt8] {
        Array(contents(of: id) ?? [])
    }

    /// The text of token ids; words are joined by one space.
    public func decode(_ ids: some Sequence<Int32>) -> String {
        var bytes: [UInt8] = []
        for id in ids {
            if kind == .words, !bytes.isEmpty { bytes.append(0x20) }
            bytes += contents(of: id) ?? []
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let byteNameStart = "<0x"

    /// The name of a byte token that is not ASCII, which is not text by itself.
    private static func name(ofByte byte: UInt8) -> String {
        byteNameStart + String(byte, radix: 16, uppercase: true) + ">"
    }

    /// The inverse of `name(ofByte:)`.
    static func byte(named name: String) -> UInt8? {
        (0x80...0xFF).first { Self.name(ofByte: $0) == name }
    }

    private func contents(of id: Int32) -> ArraySlice<UInt8>? {
        id >= 0 && id < count ? table[Int(id)] : nil
    }

    /// The token as text.
    func name(of token: ArraySlice<UInt8>) -> String {
        if kind == .bytes, let byte = token.first, byte >= 0x80 { return Self.name(ofByte: byte) }
        guard kind == .subwords else { return String(decoding: token, as: UTF8.self) }
        var name = ""
        Array(token).withUnsafeBufferPointer { token in
            EscapedText.forEachScalar(of: token) { scalar, part in
                name += scalar.map { String($0) } ?? part.map(Self.name(ofByte:)).joined()
            }
        }
        return name
    }
}

/// A text as token ids, with the tokens that its vocabulary lacks.
public struct EncodedText: Sendable, Equatable {
    /// The id of every token, `Vocabulary.unknownID` for unknown ones.
    public let ids: [Int32]
    /// The unknown tokens, each once, in the order of the text.
    public let unknownTokens: [String]
}
