/// A preprocessed text, in pieces small enough to stay in the processor's cache.
///
/// A piece ends between two scalars, unless the tokens are bytes. Walking through it twice reads the text twice, so
/// that memory is needed for token ids alone.
struct TextPieces {
    let source: any ByteSource
    /// What to call the text in an error.
    let name: String
    let preprocessing: Preprocessing
    let kind: TokenKind

    private static let pieceSize = 1 << 15

    /// Calls `body` with one piece after another until it returns false.
    func forEach(_ body: (UnsafeBufferPointer<UInt8>) -> Bool) throws(TextError) {
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: Self.pieceSize)
        defer { input.deallocate() }
        let output = UnsafeMutablePointer<UInt8>.allocate(
            capacity: Self.pieceSize * Preprocessor.maximumGrowth + Preprocessor.slack)
        defer { output.deallocate() }

        var preprocessor = Preprocessor(preprocessing, kind: kind)
        var offset = 0
        while true {
            let count = try source.read(from: offset, into: UnsafeMutableRawBufferPointer(input))
            if count == 0 { return }
            var piece = UnsafeBufferPointer(rebasing: input[..<count])
            let isLast = count < input.count
            var used = count
            if kind != .bytes {
                if !isLast { used = piece.lastScalarBoundary() }
                piece = UnsafeBufferPointer(rebasing: piece[..<used])
                if let invalid = piece.firstInvalidUTF8Offset() {
                    throw .invalidUTF8(file: name, offset: offset + invalid)
                }
                if offset == 0, piece.starts(with: [0xEF, 0xBB, 0xBF]) {
                    piece = UnsafeBufferPointer(rebasing: piece[3...])
                }
            }
            let written = preprocessor.process(piece, into: output)
            if written > 0, !body(UnsafeBufferPointer(start: output, count: written)) { return }
            if isLast { return }
            offset += used
        }
    }
}
