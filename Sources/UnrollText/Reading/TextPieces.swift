/// A preprocessed text, in pieces small enough to stay in the processor's cache.
///
/// A piece ends between two scalars, unless the tokens are bytes. Walking through it twice reads the text twice, so
/// that memory is needed for token ids alone.
///
/// Several texts follow each other as if they were one. Between them stands a line feed if the former ends inside a
/// line, so that no word reaches from one into the next; byte tokens have nothing put between them.
struct TextPieces {
    let texts: [TextSource]
    /// What to call the whole text in an error.
    let name: String
    let preprocessing: Preprocessing
    let kind: TokenKind

    /// The bytes that are read at once.
    static let readSize = 1 << 15
    /// The bytes of the longest piece.
    static let maximumSize = readSize * Preprocessor.maximumGrowth

    /// The number of bytes, as far as it is known before reading.
    var byteCount: Int { texts.reduce(texts.count) { $0 + $1.byteCount } }

    /// Calls `body` with one piece after another until it returns false.
    func forEach(
        _ body: (UnsafeBufferPointer<UInt8>) throws(TextError) -> Bool
    ) throws(TextError) {
        let reader = TextPieceReader(self)
        while let piece = try reader.next() {
            guard try body(piece) else { return }
        }
    }
}
