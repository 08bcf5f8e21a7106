import Foundation

extension Corpus {
    /// Reads a text file, or the files of a folder, and makes a vocabulary of all of it.
    ///
    /// - Parameters:
    ///   - url: A file, a folder, a pipe or a device.
    ///   - preprocessing: What to do before the text is cut into tokens.
    ///   - kind: What one token is.
    ///   - minimumFrequency: Tokens that occur less often are unknown to the vocabulary.
    ///   - limit: How many tokens of the beginning to keep, once the vocabulary is made; nil keeps all.
    /// - Throws: `TextError` when the file cannot be read, or is no UTF-8 that characters and words could be made of.
    public init(
        contentsOf url: URL, preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        minimumFrequency: Int = 1, limit: Int? = nil
    ) throws(TextError) {
        try self.init(
            contentsOf: [url], preprocessing: preprocessing, tokens: kind, minimumFrequency: minimumFrequency,
            limit: limit)
    }

    /// Reads several texts as one and makes a vocabulary of all of it.
    ///
    /// The texts follow each other in the order that is given. A folder stands for all files in it and in the folders
    /// in it, in the order of their paths' bytes; hidden ones and links to folders do not count. Where a file ends
    /// inside a line, a line feed is put before the next, unless tokens are bytes.
    ///
    /// With a cache, a text of 32 MB or more is not held in memory: its token ids are written to that file once, and
    /// mapped into memory from then on. The cache is made anew when the list of files, the size or the time of one, or
    /// the way of reading is another, and when it is damaged. When the texts themselves are not there any more, a cache
    /// that is whole stands for them.
    ///
    /// - Parameters:
    ///   - urls: Files, folders, pipes or devices.
    ///   - preprocessing: What to do before the text is cut into tokens.
    ///   - kind: What one token is.
    ///   - minimumFrequency: Tokens that occur less often are unknown to the vocabulary.
    ///   - limit: How many tokens of the beginning to keep, once the vocabulary is made; nil keeps all.
    ///   - cache: A file in the folder of the model, which is made if necessary; that folder is no part of the text.
    /// - Throws: `TextError` when a text cannot be read, or is no UTF-8 that characters and words could be made of, or
    ///   the cache cannot be written.
    public init(
        contentsOf urls: [URL], preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        minimumFrequency: Int = 1, limit: Int? = nil, cache: URL? = nil
    ) throws(TextError) {
        try self.init(
            contentsOf: urls, preprocessing: preprocessing, tokens: kind, minimumFrequency: minimumFrequency,
            limit: limit, cache: cache, smallestCachedText: TokenCache.smallestText)
    }

    /// Reads several texts as one, as tokens of a vocabulary that is there already, such as a model's.
    ///
    /// - Parameters:
    ///   - urls: Files, folders, pipes or devices.
    ///   - vocabulary: The tokens, and how a text is cut into them.
    ///   - cache: A file for the token ids of a large text, as for a text that makes its own vocabulary.
    /// - Throws: `TextError` when a text cannot be read, or is no UTF-8 that characters and words could be made of, or
    ///   the cache cannot be written.
    public init(contentsOf urls: [URL], vocabulary: Vocabulary, cache: URL? = nil) throws(TextError) {
        try self.init(
            contentsOf: urls, vocabulary: vocabulary, cache: cache,
            smallestCachedText: TokenCache.smallestText)
    }

    /// Reads a text file as tokens of a vocabulary that is there already, such as a model's.
    public init(contentsOf url: URL, vocabulary: Vocabulary) throws(TextError) {
        try self.init(contentsOf: [url], vocabulary: vocabulary)
    }

    /// As the public one, with texts cached from another number of bytes on.
    package init(
        contentsOf urls: [URL], preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        minimumFrequency: Int = 1, limit: Int? = nil, cache: URL?, smallestCachedText: Int
    ) throws(TextError) {
        if let limit, limit < 1 { throw .invalidLimit(limit) }
        let origin = TokenCacheHeader.Origin(
            inputs: urls.map(\.standardizedFileURL.path), preprocessing: preprocessing, kind: kind,
            minimumFrequency: minimumFrequency, limit: limit)
        try self.init(
            contentsOf: urls, origin, vocabulary: nil, cache: cache.map(TokenCache.init),
            smallestCachedText: smallestCachedText)
    }

    /// As the public one, with texts cached from another number of bytes on.
    package init(
        contentsOf urls: [URL], vocabulary: Vocabulary, cache: URL?, smallestCachedText: Int
    ) throws(TextError) {
        let origin = TokenCacheHeader.Origin(
            inputs: urls.map(\.standardizedFileURL.path), preprocessing: vocabulary.preprocessing,
            kind: vocabulary.kind)
        try self.init(
            contentsOf: urls, origin, vocabulary: vocabulary, cache: cache.map(TokenCache.init),
            smallestCachedText: smallestCachedText)
    }

    private init(
        contentsOf urls: [URL], _ origin: TokenCacheHeader.Origin, vocabulary: Vocabulary?,
        cache: TokenCache?,
        smallestCachedText: Int
    ) throws(TextError) {
        let first = urls.first?.lastPathComponent ?? "an empty list of files"
        let name = urls.count > 1 ? "\(first) and \(urls.count - 1) more" : first
        let texts: [TextSource]
        do throws(TextError) {
            texts = try Self.texts(urls, outside: cache?.folder)
        } catch {
            guard case .fileNotFound = error,
                let corpus = cache?.corpus(of: origin, vocabulary: vocabulary, name: name)
            else { throw error }
            self = corpus
            return
        }
        let pieces = TextPieces(
            texts: texts, name: texts.count == 1 ? texts[0].name : name, preprocessing: origin.preprocessing,
            kind: origin.kind)
        let stamps = texts.compactMap(\.stamp)
        if let cache, stamps.count == texts.count, pieces.byteCount >= smallestCachedText {
            var origin = origin
            origin.files = stamps
            if let corpus = cache.corpus(of: origin, vocabulary: vocabulary, name: name) {
                self = corpus
            } else if let vocabulary {
                self = try cache.write(pieces, of: origin, vocabulary: vocabulary, name: name)
            } else {
                let counts = try TokenCounts(of: pieces)
                let vocabulary = try Vocabulary(
                    counts, of: pieces, minimumFrequency: origin.minimumFrequency ?? 1)
                self = try cache.write(pieces, of: origin, vocabulary: vocabulary, name: name)
            }
        } else if let vocabulary {
            try self.init(pieces, name: name, vocabulary: vocabulary)
        } else {
            try self.init(
                pieces, name: name, minimumFrequency: origin.minimumFrequency ?? 1, limit: origin.limit)
        }
    }

    private static func texts(_ urls: [URL], outside folder: URL?) throws(TextError) -> [TextSource] {
        var texts: [TextSource] = []
        for url in urls {
            let files =
                TextFolder.exists(at: url) ? try TextFolder(url: url, excluded: folder).files() : [url]
            for file in files { texts.append(try TextSource(file: file)) }
        }
        return texts
    }
}
