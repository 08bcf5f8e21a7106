import Foundation

/// Reads a text once, as tokens of a vocabulary, in memory that does not grow with the text.
package struct TokenReader {
    /// What to call the text in messages.
    package let name: String
    /// The bytes of the text as it is stored, 0 when they are not known before reading.
    package let expectedByteCount: Int
    /// Tokens read so far.
    package private(set) var tokenCount = 0
    /// Those among them that the vocabulary lacks.
    package private(set) var unknownCount = 0

    private let pieces: TextPieceReader
    private var encoder: TokenEncoder
    private var isAtEnd = false

    /// The bytes of preprocessed text that the tokens so far stand for.
    package var byteCount: Int { encoder.byteCount }

    /// Begins to read a file, the files of a folder, a pipe or a device.
    package init(contentsOf url: URL, vocabulary: Vocabulary) throws(TextError) {
        var texts: [TextSource] = []
        if TextFolder.exists(at: url) {
            for file in try TextFolder(url: url, excluded: nil).files() {
                texts.append(try TextSource(file: file))
            }
        } else {
            texts = [TextSource(try ByteStream(contentsOf: url))]
        }
        self.init(texts, name: url.lastPathComponent, vocabulary)
    }

    /// Begins to read a stream.
    package init(_ stream: ByteStream, vocabulary: Vocabulary) {
        self.init([TextSource(stream)], name: stream.name, vocabulary)
    }

    private init(_ texts: [TextSource], name: String, _ vocabulary: Vocabulary) {
        self.name = name
        expectedByteCount = texts.reduce(0) { $0 + $1.byteCount }
        pieces = TextPieceReader(
            TextPieces(
                texts: texts, name: name, preprocessing: vocabulary.preprocessing, kind: vocabulary.kind))
        encoder = TokenEncoder(vocabulary)
    }

    /// The ids of the next tokens, of which there may be none; nil at the end.
    package mutating func next() throws(TextError) -> [Int32]? {
        guard !isAtEnd else { return nil }
        let piece = try pieces.next()
        isAtEnd = piece == nil
        // No token is shorter than a byte, and one word of earlier pieces may end in this one.
        let ids = [Int32](unsafeUninitializedCapacity: (piece?.count ?? 0) + 1) { buffer, count in
            count = piece.map { encoder.encode($0, into: buffer) } ?? encoder.finish(into: buffer)
        }
        tokenCount += ids.count
        unknownCount += ids.count { $0 == Vocabulary.unknownID }
        return ids
    }
}
