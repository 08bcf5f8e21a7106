/// Walks through the tokens of a text one at a time, where speed does not matter.
enum TokenScanner {
    /// Calls `body` with the bytes of every token until it returns false.
    static func scan(_ pieces: TextPieces, _ body: (UnsafeBufferPointer<UInt8>) -> Bool) throws(TextError) {
        var words = WordScanner()
        try pieces.forEach { piece in
            guard pieces.kind != .words else {
                return words.scan(piece, body) == piece.count
            }
            var end = 0
            while end < piece.count {
                let start = end
                if pieces.kind == .bytes || piece[start] < 0x80 {
                    end += 1
                } else {
                    _ = piece.nextScalar(at: &end)
                }
                guard body(UnsafeBufferPointer(rebasing: piece[start..<end])) else { return false }
            }
            return true
        }
        words.finish(body)
    }
}
