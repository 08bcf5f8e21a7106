import Foundation
import UnrollBase

/// A file of token ids beside a model: a large text is read once, into this file, and never held in memory.
///
/// The ids come first, so that they are aligned however they are mapped, one to four bytes each in the order that all
/// machines have on which Swift runs: the lowest first. What is known of them when all are written comes behind them:
/// the header as JSON, then 24 bytes with the header's length, its checksum (FNV-1a) and the format's signature, which
/// is the version too. A file that was cut off has no signature at its end, and one of another length than the header
/// says is as little trusted as one whose header is changed: the text is read anew, and the file replaced.
///
/// The ids are not read to check them, for that would take as long as the disk takes for all of them. An engine checks
/// every minibatch, so that ids that a failing disk has changed are an error at worst, and never a trap.
struct TokenCache {
    private let url: URL

    /// The bytes of the smallest text that is cached; smaller ones are read anew each time, in a fraction of a second.
    static let smallestText = 32 << 20
    private static let signature = 0x3130_4E4B_4F54_4E55  // "UNTOKN01"
    private static let trailerSize = 3 * MemoryLayout<UInt64>.size
    private static let longestHeader = 1 << 32

    init(_ url: URL) {
        self.url = url
    }

    /// The model's folder.
    var folder: URL { url.deletingLastPathComponent() }

    // MARK: Reading

    /// The text of the cache, if it was read from there and in this way; nil also when there is no cache or no whole one.
    ///
    /// Files that an origin does not name may be gone: the ids are all that is needed of them.
    func corpus(of origin: TokenCacheHeader.Origin, vocabulary: Vocabulary?, name: String) -> Corpus? {
        guard let file = try? InputFile(url.path) else { return nil }
        guard let (header, idSize) = Self.header(in: file) else { return nil }
        var found = header.origin
        if origin.files == nil { found.files = nil }
        guard found == origin, let known = try? Vocabulary(jsonData: header.vocabulary),
            vocabulary == nil || vocabulary == known, known.kind == origin.kind,
            known.preprocessing == origin.preprocessing, header.bytesPerID == known.bytesPerID,
            let mapped = file.map(byteCount: idSize),
            let tokens = TokenIDs(mapped, count: header.tokenCount, bytesPerID: header.bytesPerID)
        else { return nil }
        return Corpus(
            tokens: tokens, vocabulary: known, name: name, byteCount: header.byteCount,
            characterCount: header.characterCount, unknownCount: header.unknownCount,
            fingerprint: header.fingerprint)
    }

    /// The header of a whole cache, and how many bytes of ids lie before it.
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
        guard words[2] == signature, let length = Int(exactly: words[0]), length <= longestHeader,
            length <= size - trailerSize, let data = read(length, at: size - trailerSize - length),
            checksum(data) == words[1],
            let header = try? JSONDecoder().decode(TokenCacheHeader.self, from: data)
        else { return nil }
        let idSize = size - trailerSize - length
        let (expected, overflow) = header.tokenCount.multipliedReportingOverflow(by: header.bytesPerID)
        return !overflow && expected == idSize && header.tokenCount > 0 ? (header, idSize) : nil
    }

    private static func checksum(_ data: Data) -> UInt64 {
        data.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    // MARK: Writing

    /// Reads a text as tokens of a vocabulary into the cache, in place of what is in it, and maps it.
    func write(
        _ pieces: TextPieces, of origin: TokenCacheHeader.Origin, vocabulary: Vocabulary, name: String
    ) throws(TextError) -> Corpus {
        let file = try TokenCacheFile(replacing: url)
        var header: TokenCacheHeader
        switch vocabulary.bytesPerID {
        case 1: header = try Self.write(pieces, of: origin, vocabulary, to: file, as: UInt8.self)
        case 2: header = try Self.write(pieces, of: origin, vocabulary, to: file, as: UInt16.self)
        default: header = try Self.write(pieces, of: origin, vocabulary, to: file, as: UInt32.self)
        }
        guard header.tokenCount > 0 else { throw .emptyText(file: pieces.name) }
        try file.finish { () throws(any Error) in
            header.vocabulary = try vocabulary.jsonData()
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let data = try encoder.encode(header)
            let trailer = [UInt64(data.count), Self.checksum(data), UInt64(Self.signature)].map(
                \.littleEndian)
            return data + trailer.withUnsafeBytes { Data($0) }
        }
        guard let corpus = corpus(of: origin, vocabulary: vocabulary, name: name) else {
            throw .unreadable(file: url.path, reason: "what has just been written is not there")
        }
        return corpus
    }

    private static func write<ID: FixedWidthInteger>(
        _ pieces: TextPieces, of origin: TokenCacheHeader.Origin, _ vocabulary: Vocabulary,
        to file: TokenCacheFile, as: ID.Type
    ) throws(TextError) -> TokenCacheHeader {
        var encoder = TokenEncoder(vocabulary)
        var fingerprint = Fingerprint(vocabulary)
        var (count, unknown) = (0, 0)
        try encoder.encode(pieces, limit: origin.limit ?? .max) {
            (ids: UnsafeBufferPointer<ID>) throws(TextError) in
            fingerprint.add(ids)
            count += ids.count
            for id in ids where id == ID(Vocabulary.unknownID) { unknown += 1 }
            try file.write(UnsafeRawBufferPointer(ids))
        }
        return TokenCacheHeader(
            origin: origin, tokenCount: count, bytesPerID: vocabulary.bytesPerID,
            byteCount: encoder.byteCount,
            characterCount: vocabulary.kind == .bytes ? nil : encoder.characterCount, unknownCount: unknown,
            fingerprint: fingerprint.value, vocabulary: Data())
    }
}
