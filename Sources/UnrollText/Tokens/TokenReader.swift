import Foundation

/// Reads a text once, as tokens of a vocabulary, in memory that does not grow with the text.
package struct TokenReader {
    /// The name of the text in messages.
    package let name: String
    /// The number of bytes of the text as it is stored, 0 when it is not known before reading.
    package let expectedByteCount: Int
    /// What was found in a folder and is not part of the text.
    package let notices: [TextNotice]
    /// The number of tokens read so far.
    package private(set) var tokenCount = 0
    /// The number of those among them that the vocabulary lacks.
    package private(set) var unknownCount = 0

    private let text: TextReader
    private var tokenizer: Tokenizer
    private var isAtEnd = false

    /// The number of bytes of preprocessed text that the tokens so far stand for.
    package var byteCount: Int { tokenizer.byteCount }

    /// Begins to read a file, the files of a folder, a pipe or a device.
    ///
    /// - Throws: `fileNotFound`, `isDirectory`, `emptyFolder`, `noTexts` or `unreadable`.
    package init(contentsOf url: URL, vocabulary: Vocabulary) throws(TextError) {
        // A single file need not be read twice, so a pipe is not kept in memory.
        let (inputs, notices) =
            TextInput.isFolder(url)
            ? try TextInput.inputs(at: [url]) : ([TextInput(try ByteReader(contentsOf: url))], [])
        self.init(inputs, name: url.lastPathComponent, notices, vocabulary)
    }

    /// Begins to read a stream.
    package init(_ stream: ByteReader, vocabulary: Vocabulary) {
        self.init([TextInput(stream)], name: stream.name, [], vocabulary)
    }

    private init(
        _ inputs: [TextInput], name: String, _ notices: [TextNotice], _ vocabulary: Vocabulary
    ) {
        self.name = name
        self.notices = notices
        expectedByteCount = inputs.reduce(0) { $0 + $1.byteCount }
        text = TextReader(
            TextSource(
                inputs: inputs, name: name, preprocessing: vocabulary.preprocessing, kind: vocabulary.kind))
        tokenizer = Tokenizer(vocabulary)
    }

    /// The ids of the next tokens, of which there may be none; nil at the end.
    ///
    /// - Throws: `invalidUTF8` for characters and words, or why a file cannot be read.
    package mutating func next() throws(TextError) -> [Int32]? {
        guard !isAtEnd else { return nil }
        let piece = try text.next()
        isAtEnd = piece == nil
        let capacity = tokenizer.maximumCount(inPieceOf: piece?.count ?? 0)
        let ids = [Int32](unsafeUninitializedCapacity: capacity) { buffer, count in
            count = piece.map { tokenizer.encode($0, into: buffer) } ?? tokenizer.finish(into: buffer)
        }
        tokenCount += ids.count
        unknownCount += ids.count { $0 == Vocabulary.unknownID }
        return ids
    }
}
