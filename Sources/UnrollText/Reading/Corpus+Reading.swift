import Foundation
import UnrollBase

extension Corpus {
    // MARK: Texts in memory

    /// Makes tokens and a vocabulary of a string.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - name: The name of the text in messages. Default: "text".
    ///   - preprocessing: The change to make before the text is cut into tokens. Default: none.
    ///   - kind: What one token is. Default: characters.
    ///   - vocabularySize: The number of subwords, `<unk>` and bytes included, in ``Vocabulary/subwordSizes``; nil for other
    ///     tokens. Default: ``Vocabulary/subwordSize(forTextOf:)``.
    ///   - minimumFrequency: The number of occurrences below which a token is unknown to the vocabulary, or a pair of
    ///     subwords, from 2 on, is not merged. Default: 1.
    ///   - limit: The number of tokens at the beginning to keep, once the vocabulary is made; at least 1. Default: all.
    /// - Throws: `ParameterError` when the limit or the size is out of range, `TextError.emptyText` when no token is left.
    public init(
        text: String, name: String = "text", preprocessing: Preprocessing = .none,
        tokens kind: TokenKind = .characters, vocabularySize: Int? = nil, minimumFrequency: Int = 1,
        limit: Int? = nil
    ) throws {
        try self.init(
            bytes: text.utf8, name: name, preprocessing: preprocessing, tokens: kind,
            vocabularySize: vocabularySize, minimumFrequency: minimumFrequency, limit: limit)
    }

    /// Makes tokens and a vocabulary of bytes, such as those of standard input.
    ///
    /// - Parameters:
    ///   - bytes: The text, UTF-8 unless tokens are bytes or subwords.
    ///   - name: The name of the text in messages.
    ///   - preprocessing: The change to make before the text is cut into tokens. Default: none.
    ///   - kind: What one token is. Default: characters.
    ///   - vocabularySize: The number of subwords, `<unk>` and bytes included, in ``Vocabulary/subwordSizes``; nil for other
    ///     tokens. Default: ``Vocabulary/subwordSize(forTextOf:)``.
    ///   - minimumFrequency: The number of occurrences below which a token is unknown to the vocabulary, or a pair of
    ///     subwords, from 2 on, is not merged. Default: 1.
    ///   - limit: The number of tokens at the beginning to keep, once the vocabulary is made; at least 1. Default: all.
    /// - Throws: `ParameterError` when the limit or the size is out of range, `TextError.invalidUTF8`, `TextError.emptyText` when no
    ///   token is left.
    public init(
        bytes: some Collection<UInt8>, name: String, preprocessing: Preprocessing = .none,
        tokens kind: TokenKind = .characters, vocabularySize: Int? = nil, minimumFrequency: Int = 1,
        limit: Int? = nil
    ) throws {
        self = try Self.withMemory(of: bytes) { bytes in
            try Corpus(
                Reading(
                    .memory(bytes, name: name), preprocessing: preprocessing, kind: kind,
                    vocabularySize: vocabularySize, minimumFrequency: minimumFrequency, limit: limit))
        }
    }

    /// Makes tokens of bytes by a vocabulary that is there already.
    ///
    /// - Parameters:
    ///   - bytes: The text, UTF-8 unless tokens are bytes or subwords.
    ///   - name: The name of the text in messages.
    ///   - vocabulary: The tokens, and the rules by which a text is cut into them.
    /// - Throws: `TextError.invalidUTF8`, `TextError.emptyText` when no token is left.
    public init(bytes: some Collection<UInt8>, name: String, vocabulary: Vocabulary) throws {
        self = try Self.withMemory(of: bytes) { bytes in
            try Corpus(Reading(.memory(bytes, name: name), vocabulary: vocabulary))
        }
    }

    private static func withMemory(
        of bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> Corpus
    ) throws -> Corpus {
        let inPlace = try bytes.withContiguousStorageIfAvailable { try body(UnsafeRawBufferPointer($0)) }
        return try inPlace ?? Array(bytes).withUnsafeBytes(body)
    }

    // MARK: Texts in files

    /// Reads a text file, or the files of a folder, and makes a vocabulary of all of it.
    ///
    /// - Parameters:
    ///   - url: A file, a folder, a pipe or a device.
    ///   - preprocessing: The change to make before the text is cut into tokens. Default: none.
    ///   - kind: What one token is. Default: characters.
    ///   - vocabularySize: The number of subwords, `<unk>` and bytes included, in ``Vocabulary/subwordSizes``; nil for other
    ///     tokens. Default: ``Vocabulary/subwordSize(forTextOf:)``.
    ///   - minimumFrequency: The number of occurrences below which a token is unknown to the vocabulary, or a pair of
    ///     subwords, from 2 on, is not merged. Default: 1.
    ///   - limit: The number of tokens at the beginning to keep, once the vocabulary is made; at least 1. Default: all.
    /// - Throws: `ParameterError` when the limit or the size is out of range; `TextError` when the text cannot be read, is not UTF-8
    ///   for characters and words (`invalidUTF8`), or has no token (`emptyText`).
    public init(
        contentsOf url: URL, preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        vocabularySize: Int? = nil, minimumFrequency: Int = 1, limit: Int? = nil
    ) throws {
        try self.init(
            Reading(
                .files([url]), preprocessing: preprocessing, kind: kind, vocabularySize: vocabularySize,
                minimumFrequency: minimumFrequency, limit: limit))
    }

    /// Reads several texts as one and makes a vocabulary of all of it.
    ///
    /// The texts follow each other in the given order. A folder stands for all files in it and in the folders in it, in
    /// the order of their paths' bytes; hidden ones and links to folders do not count. What Unroll has written, such as
    /// model folders and reports, is left out and listed in ``notices``; a file that is named itself is read. Where a
    /// file ends inside a line, a line feed is put before the next, unless tokens are bytes or subwords.
    ///
    /// With a cache, a text of 32 MB or more is not held in memory: its token ids are written to that file once, and
    /// mapped into memory from then on. The cache is made again when the list of files, the size or time of one, or an
    /// argument is another, and when it is damaged, which is among ``notices`` then. When the files are not there any
    /// more, a whole cache stands for them.
    ///
    /// - Parameters:
    ///   - urls: Files, folders, pipes or devices.
    ///   - preprocessing: The change to make before the text is cut into tokens. Default: none.
    ///   - kind: What one token is. Default: characters.
    ///   - vocabularySize: The number of subwords, `<unk>` and bytes included, in ``Vocabulary/subwordSizes``; nil for other
    ///     tokens. Default: ``Vocabulary/subwordSize(forTextOf:)``.
    ///   - minimumFrequency: The number of occurrences below which a token is unknown to the vocabulary, or a pair of
    ///     subwords, from 2 on, is not merged. Default: 1.
    ///   - limit: The number of tokens at the beginning to keep, once the vocabulary is made; at least 1. Default: all.
    ///   - cache: A file in the folder of the model, which is made if necessary; that folder is not part of the text.
    ///     Default: none.
    /// - Throws: `ParameterError` when the limit or the size is out of range; `TextError` when a text cannot be read, is not UTF-8
    ///   for characters and words (`invalidUTF8`), or has no token (`emptyText`); `FileError` when the cache cannot be
    ///   written.
    public init(
        contentsOf urls: [URL], preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        vocabularySize: Int? = nil, minimumFrequency: Int = 1, limit: Int? = nil, cache: URL? = nil
    ) throws {
        try self.init(
            Reading(
                .files(urls), preprocessing: preprocessing, kind: kind, vocabularySize: vocabularySize,
                minimumFrequency: minimumFrequency, limit: limit, cache: cache))
    }

    /// Reads several texts as one by a vocabulary that is there already, such as a model's.
    ///
    /// - Parameters:
    ///   - urls: Files, folders, pipes or devices.
    ///   - vocabulary: The tokens, and the rules by which a text is cut into them.
    ///   - cache: A file for the token ids of a large text, as for a text that makes its own vocabulary. Default: none.
    /// - Throws: `TextError` when a text cannot be read, is not UTF-8 for characters and words (`invalidUTF8`), or has no
    ///   token (`emptyText`); `FileError` when the cache cannot be written.
    public init(contentsOf urls: [URL], vocabulary: Vocabulary, cache: URL? = nil) throws {
        try self.init(Reading(.files(urls), vocabulary: vocabulary, cache: cache))
    }

    /// Reads a text file, or the files of a folder, by a vocabulary that is there already, such as a model's.
    ///
    /// - Throws: `TextError` when the text cannot be read, is not UTF-8 for characters and words (`invalidUTF8`), or has
    ///   no token (`emptyText`).
    public init(contentsOf url: URL, vocabulary: Vocabulary) throws {
        try self.init(Reading(.files([url]), vocabulary: vocabulary))
    }
}

// MARK: Reading

extension Corpus {
    /// Everything that reading a text depends on.
    package struct Reading {
        /// The text before it is read.
        package enum Text {
            /// Files, folders, pipes or devices, which follow each other.
            case files([URL])
            /// Bytes in memory, which must be there until the text is read.
            case memory(UnsafeRawBufferPointer, name: String)
        }

        let text: Text
        let preprocessing: Preprocessing
        let kind: TokenKind
        /// The vocabulary to read by; nil to make one of the text.
        let vocabulary: Vocabulary?
        let vocabularySize: Int?
        let minimumFrequency: Int
        let limit: Int?
        let cache: TokenCache?
        let smallestCachedText: Int

        /// A text that makes its own vocabulary; `smallestCachedText` is the bytes from which on the cache is used.
        package init(
            _ text: Text, preprocessing: Preprocessing = .none, kind: TokenKind = .characters,
            vocabularySize: Int? = nil, minimumFrequency: Int = 1, limit: Int? = nil, cache: URL? = nil,
            smallestCachedText: Int = TokenCache.smallestText
        ) {
            self.text = text
            self.preprocessing = preprocessing
            self.kind = kind
            vocabulary = nil
            self.vocabularySize = vocabularySize
            self.minimumFrequency = minimumFrequency
            self.limit = limit
            self.cache = cache.map(TokenCache.init)
            self.smallestCachedText = smallestCachedText
        }

        /// A text that is read by a given vocabulary.
        package init(
            _ text: Text, vocabulary: Vocabulary, cache: URL? = nil,
            smallestCachedText: Int = TokenCache.smallestText
        ) {
            self.text = text
            preprocessing = vocabulary.preprocessing
            kind = vocabulary.kind
            self.vocabulary = vocabulary
            vocabularySize = nil
            minimumFrequency = 1
            limit = nil
            self.cache = cache.map(TokenCache.init)
            self.smallestCachedText = smallestCachedText
        }

        /// The name of the corpus.
        fileprivate var name: String {
            switch text {
            case .memory(_, let name): return name
            case .files(let urls):
                let first = urls.first?.lastPathComponent ?? "an empty list of files"
                return urls.count > 1 ? "\(first) and \(urls.count - 1) more" : first
            }
        }

        /// Finds the files of the text.
        fileprivate func source() throws(TextError) -> TextSource {
            let (inputs, notices): ([TextInput], [TextNotice]) =
                switch text {
                case .memory(let bytes, let name): ([TextInput(bytes, name: name)], [])
                case .files(let urls): try TextInput.inputs(at: urls, outside: cache?.folder)
                }
            return TextSource(
                inputs: inputs, notices: notices, name: inputs.count == 1 ? inputs[0].name : name,
                preprocessing: preprocessing, kind: kind)
        }

        /// What a cache of the text says of its origin; without files, for a text of which there are none any more.
        fileprivate func origin(_ files: [FileStamp]?) -> TokenCacheHeader.Origin {
            let inputs =
                if case .files(let urls) = text { urls.map(\.standardizedFileURL.path) } else { [String]() }
            return TokenCacheHeader.Origin(
                inputs: inputs, files: files, preprocessing: preprocessing, kind: kind,
                minimumFrequency: vocabulary == nil ? minimumFrequency : nil,
                vocabularySize: vocabularySize, limit: limit)
        }
    }

    /// Reads a text, and puts its cache in place if there is a new one.
    ///
    /// All other initializers that read come here.
    package init(_ reading: Reading) throws {
        let text = try StagedCorpus(reading)
        try text.putCacheInPlace()
        self = text.corpus
    }

    /// Reads a text: once by a given vocabulary, or twice to make a vocabulary first; or maps its cache.
    ///
    /// - Returns: The text, and a cache that is not in its place yet.
    static func read(_ reading: Reading) throws -> (Corpus, StagedFile?) {
        if let limit = reading.limit {
            try ParameterError.require(limit >= 1, "limit", is: limit, but: "at least 1")
        }
        try Vocabulary.check(size: reading.vocabularySize, of: reading.kind)
        let name = reading.name
        let source: TextSource
        do throws(TextError) {
            source = try reading.source()
        } catch {
            guard case .fileNotFound = error,
                case .corpus(let corpus)? = reading.cache?.contents(
                    of: reading.origin(nil), vocabulary: reading.vocabulary, name: name)
            else { throw error }
            return (corpus, nil)
        }
        if let cache = reading.cache, let files = source.stamps,
            source.byteCount >= reading.smallestCachedText
        {
            let origin = reading.origin(files)
            var notices = source.notices
            switch cache.contents(
                of: origin, vocabulary: reading.vocabulary, name: name, notices: notices)
            {
            case .corpus(let corpus): return (corpus, nil)
            case .damaged: notices.append(.damagedCache(path: cache.url.path))
            case .other: break
            }
            let (vocabulary, _) = try vocabulary(reading, source)
            return try cache.write(
                source, of: origin, vocabulary: vocabulary, name: name, notices: notices)
        }
        let (vocabulary, expected) = try vocabulary(reading, source)
        let limit = reading.limit ?? .max
        var tokenizer = Tokenizer(vocabulary)
        let tokens =
            switch vocabulary.bytesPerID {
            case 1: TokenIDs(try tokenizer.ids(of: source, limit: limit, expected: expected, as: UInt8.self))
            case 2: TokenIDs(try tokenizer.ids(of: source, limit: limit, expected: expected, as: UInt16.self))
            default:
                TokenIDs(try tokenizer.ids(of: source, limit: limit, expected: expected, as: UInt32.self))
            }
        guard !tokens.isEmpty else { throw TextError.emptyText(file: source.name) }
        let corpus = Corpus(
            tokens: tokens, vocabulary: vocabulary, name: name, byteCount: tokenizer.byteCount,
            characterCount: vocabulary.kind.isBytewise ? nil : tokenizer.characterCount,
            unknownCount: tokens.occurrences(of: Vocabulary.unknownID), fingerprint: nil,
            notices: source.notices)
        return (corpus, nil)
    }

    /// The given vocabulary or that of the text, with the number of tokens to expect.
    private static func vocabulary(
        _ reading: Reading, _ source: TextSource
    ) throws(TextError) -> (Vocabulary, expectedTokens: Int) {
        if let vocabulary = reading.vocabulary {
            // No token is shorter than a byte, and words have something between them.
            let size = source.byteCount
            return (vocabulary, source.kind == .words ? size / 2 + 1 : size)
        }
        if reading.kind == .subwords {
            let vocabulary = try Vocabulary(
                subwordsOf: source, size: reading.vocabularySize, minimumFrequency: reading.minimumFrequency)
            // Most texts have three bytes or more for a token.
            return (vocabulary, source.byteCount / 3 + 1)
        }
        let counts = try TokenCounts(counting: source)
        let vocabulary = try Vocabulary(counts, of: source, minimumFrequency: reading.minimumFrequency)
        return (vocabulary, counts.total)
    }
}
