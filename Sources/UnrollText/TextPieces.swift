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

    private static let readSize = 1 << 15
    /// The bytes of the longest piece.
    static let maximumSize = readSize * Preprocessor.maximumGrowth

    /// The number of bytes, as far as it is known before reading.
    var byteCount: Int { texts.reduce(texts.count) { $0 + $1.byteCount } }

    /// Calls `body` with one piece after another until it returns false.
    func forEach(
        _ body: (UnsafeBufferPointer<UInt8>) throws(TextError) -> Bool
    ) throws(TextError) {
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: Self.readSize)
        defer { input.deallocate() }
        let output = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.maximumSize + Preprocessor.slack)
        defer { output.deallocate() }

        var preprocessor = Preprocessor(preprocessing, kind: kind)
        func process(_ piece: UnsafeBufferPointer<UInt8>) throws(TextError) -> Bool {
            let written = preprocessor.process(piece, into: output)
            guard written > 0 else { return true }
            return try body(UnsafeBufferPointer(start: output, count: written))
        }
        var isInsideLine = false
        for text in texts {
            let source = try text.open()
            var offset = 0
            while true {
                let count = try source.read(from: offset, into: UnsafeMutableRawBufferPointer(input))
                if count == 0 { break }
                if offset == 0, isInsideLine, kind != .bytes {
                    var lineFeed: UInt8 = 0x0A
                    let isWanted = try withUnsafePointer(to: &lineFeed) { pointer throws(TextError) in
                        try process(UnsafeBufferPointer(start: pointer, count: 1))
                    }
                    guard isWanted else { return }
                }
                var piece = UnsafeBufferPointer(rebasing: input[..<count])
                let isLast = count < input.count
                var used = count
                if kind != .bytes {
                    if !isLast { used = piece.lastScalarBoundary() }
                    piece = UnsafeBufferPointer(rebasing: piece[..<used])
                    if let invalid = piece.firstInvalidUTF8Offset() {
                        throw .invalidUTF8(file: text.name, offset: offset + invalid)
                    }
                    if offset == 0, piece.starts(with: [0xEF, 0xBB, 0xBF]) {
                        piece = UnsafeBufferPointer(rebasing: piece[3...])
                    }
                }
                isInsideLine = input[used - 1] != 0x0A
                guard try process(piece) else { return }
                if isLast { break }
                offset += used
            }
        }
    }
}
