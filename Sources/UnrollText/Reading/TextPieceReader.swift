/// Reads a preprocessed text from its beginning to its end, one piece after another.
final class TextPieceReader {
    private let pieces: TextPieces
    private let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: TextPieces.readSize)
    private let output = UnsafeMutablePointer<UInt8>.allocate(
        capacity: TextPieces.maximumSize + Preprocessor.slack)
    private var preprocessor: Preprocessor
    /// The texts that are not yet begun.
    private var texts: ArraySlice<TextSource>
    /// The text that is being read.
    private var current: (text: TextSource, source: any ByteSource)?
    /// Bytes of that text before the next piece.
    private var offset = 0
    private var isInsideLine = false

    init(_ pieces: TextPieces) {
        self.pieces = pieces
        preprocessor = Preprocessor(pieces.preprocessing, kind: pieces.kind)
        texts = pieces.texts[...]
    }

    deinit {
        input.deallocate()
        output.deallocate()
    }

    /// The next piece, which stays until the one after it is asked for; nil at the end.
    func next() throws(TextError) -> UnsafeBufferPointer<UInt8>? {
        while true {
            if current == nil {
                guard let text = texts.popFirst() else { return nil }
                current = (text, try text.open())
                offset = 0
            }
            guard let (text, source) = current else { return nil }
            let count = try source.read(from: offset, into: UnsafeMutableRawBufferPointer(input))
            if count == 0 {
                current = nil
                continue
            }
            if offset == 0, isInsideLine, pieces.kind != .bytes {
                isInsideLine = false
                if let lineFeed = process([0x0A]) { return lineFeed }
            }
            var piece = UnsafeBufferPointer(rebasing: input[..<count])
            let isLast = count < input.count
            var used = count
            if pieces.kind != .bytes {
                if !isLast { used = piece.lastScalarBoundary() }
                piece = UnsafeBufferPointer(rebasing: piece[..<used])
                if let invalid = piece.firstInvalidUTF8Offset() {
                    throw .invalidUTF8(file: text.name, offset: offset + invalid)
                }
                if offset == 0, piece.starts(with: UnsafeBufferPointer.byteOrderMark) {
                    piece = UnsafeBufferPointer(rebasing: piece[3...])
                }
            }
            isInsideLine = input[used - 1] != 0x0A
            offset += used
            if isLast { current = nil }
            if let piece = process(piece) { return piece }
        }
    }

    private func process(_ lineFeed: [UInt8]) -> UnsafeBufferPointer<UInt8>? {
        lineFeed.withUnsafeBufferPointer(process)
    }

    /// What a piece becomes, or nil when nothing is left of it.
    private func process(_ piece: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        let written = preprocessor.process(piece, into: output)
        return written > 0 ? UnsafeBufferPointer(start: output, count: written) : nil
    }
}
