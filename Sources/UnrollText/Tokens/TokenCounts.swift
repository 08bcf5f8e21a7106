/// The distinct tokens of a text with how often each occurs.
struct TokenCounts {
    private(set) var table = TokenTable()
    /// Occurrences by index in the table.
    private(set) var counts: [Int] = []

    /// The number of tokens in the text.
    var total: Int { counts.reduce(0, +) }

    /// Counts the tokens of a text.
    init(of pieces: TextPieces) throws(TextError) {
        switch pieces.kind {
        case .characters: try countCharacters(of: pieces)
        case .bytes: try countBytes(of: pieces)
        case .words: try countWords(of: pieces)
        }
    }

    private mutating func countCharacters(of pieces: TextPieces) throws(TextError) {
        var ascii = ByteHistogram()
        var others = ScalarTable()
        try pieces.forEach { piece in
            var index = 0
            while index < piece.count {
                let end = piece.asciiRunEnd(from: index)
                ascii.add(UnsafeBufferPointer(rebasing: piece[index..<end]))
                index = end
                while index < piece.count, piece[index] >= 0x80 {
                    others[piece.nextScalar(at: &index)] += 1
                }
            }
            return true
        }
        for byte in 0..<0x80 where ascii[byte] > 0 { add([UInt8(byte)], ascii[byte]) }
        for (value, count) in others.nonzero {
            if let scalar = Unicode.Scalar(value) { add(Array(UTF8.encode(scalar) ?? .init()), count) }
        }
    }

    private mutating func countBytes(of pieces: TextPieces) throws(TextError) {
        var histogram = ByteHistogram()
        try pieces.forEach { piece in
            histogram.add(piece)
            return true
        }
        for byte in 0..<0x100 where histogram[byte] > 0 { add([UInt8(byte)], histogram[byte]) }
    }

    private mutating func countWords(of pieces: TextPieces) throws(TextError) {
        var scanner = WordScanner()
        try pieces.forEach { piece in scanner.scan(piece) { count($0) } == piece.count }
        scanner.finish { count($0) }
    }

    /// Counts one word, and returns that the next is wanted.
    private mutating func count(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let index = table.insert(word)
        if index == counts.count { counts.append(0) }
        counts[index] += 1
        return true
    }

    private mutating func add(_ token: [UInt8], _ count: Int) {
        _ = table.insert(token)
        counts.append(count)
    }
}
