import Foundation
import UnrollBase

/// A file of token ids beside a model: a large text is read once, into this file, and never held in memory.
///
/// The format has version 1. The ids come first, so that they are aligned wherever they are mapped: one, two or four
/// bytes each, the lowest byte first, as on all machines on which Swift runs. After them, when all are written, come the
/// header as JSON and 24 bytes with the header's length, its checksum (FNV-1a) and the signature of the format and its
/// version. A file that was cut off has no signature at its end. A file of another length than its header says, with a
/// changed header or with other ids than those of its checksum is not trusted either: the text is read again, and the
/// file replaced.
///
/// All ids are read once to check them, by all processors and as fast as the disk is. A cache without a checksum, of an
/// early version, is checked more slowly, by the fingerprint of its text.
struct TokenCache {
    let url: URL

    /// The bytes of the smallest text that is cached, 32 MB; smaller ones are read again in a fraction of a second.
    static let smallestText = 32 << 20
    private static let trailerSize = 3 * MemoryLayout<UInt64>.size
    private static let longestHeader = 1 << 32

    init(_ url: URL) {
        self.url = url
    }

    /// The model's folder.
    var folder: URL { url.deletingLastPathComponent() }

    // MARK: Reading

    /// What a cache is to a text.
    enum Contents {
        /// The text.
        case corpus(Corpus)
        /// Another text, or this one read in another way; also if there is no cache.
        case other
        /// Something that was a cache or is in place of one.
        case damaged
    }

    /// What the cache is to the text that was read from there and in this way.
    ///
    /// An origin without files matches any: the files may be gone, and the ids are all that is needed of them.
    func contents(
        of origin: TokenCacheHeader.Origin, vocabulary: Vocabulary?, name: String, notices: [TextNotice] = []
    ) -> Contents {
        guard let file = try? InputFile(url.path) else { return .other }
        return Self.contents(of: file, origin, vocabulary: vocabulary, name: name, notices: notices)
    }

    private static func contents(
        of file: InputFile, _ origin: TokenCacheHeader.Origin, vocabulary: Vocabulary?, name: String,
        notices: [TextNotice]
    ) -> Contents {
        guard let (header, idSize) = header(in: file) else { return .damaged }
        var found = header.origin
        if origin.files == nil { found.files = nil }
        guard found == origin, let known = try? Vocabulary(jsonData: header.vocabulary),
            vocabulary == nil || vocabulary == known, known.kind == origin.kind,
            known.preprocessing == origin.preprocessing, header.bytesPerID == known.bytesPerID
        else { return .other }
        let checksum = header.checksum
        guard checksum == nil || checksum == BlockChecksum.value(of: file, byteCount: idSize),
            let mapped = file.map(byteCount: idSize),
            let tokens = TokenIDs(mapped, count: header.tokenCount, bytesPerID: header.bytesPerID)
        else { return .damaged }
        let corpus = Corpus(
            tokens: tokens, vocabulary: known, name: name, byteCount: header.byteCount,
            characterCount: header.characterCount, unknownCount: header.unknownCount,
            fingerprint: checksum == nil ? nil : header.fingerprint, notices: notices)
        return corpus.fingerprint == header.fingerprint ? .corpus(corpus) : .damaged
    }

    /// The header of a whole cache, and the number of bytes of ids before it.
    private static func header(in file: InputFile) -> (TokenCacheHeader, idSize: Int)? {
        func read(_ count: Int, at offset: Int) -> Data? {
            guard let bytes = try? file.bytes(offset..<offset + count), bytes.count == count else {
                return nil
            }
            return Data(bytes)
        }
        guard let size = try? file.status().size, size > trailerSize,
            let trailer = read(trailerSize, at: size - trailerSize)
        else { return nil }
        let words = trailer.withUnsafeBytes { bytes in
            (0..<3).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
        }
        guard words[2] == FileSignature.tokenCache, let length = Int(exactly: words[0]),
            length <= longestHeader,
            length <= size - trailerSize, let data = read(length, at: size - trailerSize - length),
            checksum(data) == words[1],
            let header = try? JSONDecoder().decode(TokenCacheHeader.self, from: data)
        else { return nil }
        let idSize = size - trailerSize - length
        let (expected, overflow) = header.tokenCount.multipliedReportingOverflow(by: header.bytesPerID)
        return !overflow && expected == idSize && header.tokenCount > 0 ? (header, idSize) : nil
    }

    private static func checksum(_ data: Data) -> UInt64 {
        var hash = FNV1a()
        hash.add(data)
        return hash.value
    }

    // MARK: Writing

    /// Reads a text as tokens of a vocabulary into a new cache, which the caller may put in place, and maps it.
    ///
    /// The file has a name of its own and a lock until it is in place, so that several processes may write the same
    /// cache at once.
    ///
    /// - Throws: `FileError` when the cache cannot be written, `TextError` when the text cannot be read or has no token.
    func write(
        _ source: TextSource, of origin: TokenCacheHeader.Origin, vocabulary: Vocabulary, name: String,
        notices: [TextNotice]
    ) throws -> (Corpus, StagedFile) {
        do throws(SystemError) {
            try FileSystem.createFolders(folder)
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
        let file = try StagedFile(for: url)
        var header =
            switch vocabulary.bytesPerID {
            case 1: try Self.write(source, of: origin, vocabulary, to: file, as: UInt8.self)
            case 2: try Self.write(source, of: origin, vocabulary, to: file, as: UInt16.self)
            default: try Self.write(source, of: origin, vocabulary, to: file, as: UInt32.self)
            }
        guard header.tokenCount > 0 else { throw TextError.emptyText(file: source.name) }
        header.vocabulary = try vocabulary.jsonData()
        let encoder = JSONEncoder.unroll
        let data = try encoder.encode(header)
        let trailer = [UInt64(data.count), Self.checksum(data), FileSignature.tokenCache].map(\.littleEndian)
        try file.write(data + trailer.withUnsafeBytes { Data($0) })
        // Another process may replace the cache as soon as it is in place; this one keeps what it has written.
        let contents = Self.contents(
            of: try file.reader(), origin, vocabulary: vocabulary, name: name, notices: notices)
        guard case .corpus(let corpus) = contents else {
            throw FileError.unreadable(path: url.path, reason: "the tokens that were written are not there")
        }
        return (corpus, file)
    }

    private static func write<ID: FixedWidthInteger>(
        _ source: TextSource, of origin: TokenCacheHeader.Origin, _ vocabulary: Vocabulary,
        to file: StagedFile, as: ID.Type
    ) throws -> TokenCacheHeader {
        var tokenizer = Tokenizer(vocabulary)
        var (fingerprint, checksum) = (Fingerprint(vocabulary), BlockChecksum())
        var (count, unknown) = (0, 0)
        try tokenizer.encode(source, limit: origin.limit ?? .max) { (ids: UnsafeBufferPointer<ID>) in
            fingerprint.add(ids)
            count += ids.count
            for id in ids where id == ID(Vocabulary.unknownID) { unknown += 1 }
            checksum.update(UnsafeRawBufferPointer(ids))
            try file.write(UnsafeRawBufferPointer(ids))
        }
        return TokenCacheHeader(
            origin: origin, tokenCount: count, bytesPerID: vocabulary.bytesPerID,
            byteCount: tokenizer.byteCount,
            characterCount: vocabulary.kind.isBytewise ? nil : tokenizer.characterCount,
            unknownCount: unknown, fingerprint: fingerprint.value, checksum: checksum.value,
            vocabulary: Data())
    }
}

/// The contents of a token cache beside the ids: the text that they are of, how it was read, and its figures.
struct TokenCacheHeader: Codable {
    /// The text that was read, and how.
    struct Origin: Codable, Equatable {
        /// The paths of the files and folders that were asked for.
        var inputs: [String]
        /// The files as they were found, in the order in which they were read; nil when any will do.
        var files: [FileStamp]?
        var preprocessing: Preprocessing
        var kind: TokenKind
        /// Nil when the vocabulary was not made of this text.
        var minimumFrequency: Int?
        /// The number of subwords that was asked for; nil also in caches of other tokens.
        var vocabularySize: Int?
        var limit: Int?
    }

    var origin: Origin
    var tokenCount: Int
    var bytesPerID: Int
    var byteCount: Int
    var characterCount: Int?
    var unknownCount: Int
    var fingerprint: UInt64
    /// The checksum of the ids; nil in a cache of an early version.
    var checksum: UInt64?
    /// The contents of a `vocabulary.json`.
    var vocabulary: Data
}
