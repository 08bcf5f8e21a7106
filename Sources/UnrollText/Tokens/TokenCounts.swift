/// The distinct tokens of a text with the number of occurrences of each.
struct TokenCounts {
    private(set) var table = TokenTable()
    /// Occurrences by index in the table.
    private(set) var counts: [Int] = []

    /// The number of tokens in the text.
    var total: Int { counts.reduce(0, +) }

    /// Counts the tokens of a text.
    init(counting source: TextSource) throws(TextError) {
        switch source.kind {
        case .characters: try countCharacters(in: source)
        case .bytes, .subwords: try countBytes(in: source)
        case .words: try countWords(in: source)
        }
    }

    private mutating func countCharacters(in source: TextSource) throws(TextError) {
        var ascii = ByteHistogram()
        var others = ScalarTable()
        try source.forEachPiece { piece in
            var index = 0
            while index < piece.count {
                let end = piece.asciiRunEnd(from: index)
                ascii.add(UnsafeBufferPointer(rebasing: piece[index..<end]))
                index = end
                while index < piece.count, piece[index] >= 0x80 {
                    others[piece.nextScalar(at: &index)] += 1
                }
            }
        }
        for byte in 0..<0x80 where ascii[byte] > 0 { add([UInt8(byte)], ascii[byte]) }
        for (value, count) in others.nonzero {
            if let scalar = Unicode.Scalar(value) { add(Array(UTF8.encode(scalar) ?? .init()), count) }
        }
    }

    private mutating func countBytes(in source: TextSource) throws(TextError) {
        var histogram = ByteHistogram()
        try source.forEachPiece { histogram.add($0) }
        for byte in 0..<0x100 where histogram[byte] > 0 { add([UInt8(byte)], histogram[byte]) }
    }

    private mutating func countWords(in source: TextSource) throws(TextError) {
        var scanner = WordScanner()
        try source.forEachPiece { piece in _ = scanner.scan(piece) { count($0) } }
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

/// The number of occurrences of each byte.
///
/// Neighbors count into four separate rows: a run of one byte would otherwise wait for its own last addition.
private struct ByteHistogram {
    private var rows = [Int](repeating: 0, count: 4 * 256)

    subscript(byte: Int) -> Int {
        rows[byte] + rows[256 + byte] + rows[512 + byte] + rows[768 + byte]
    }

    mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        rows.withUnsafeMutableBufferPointer { rows in
            var index = 0
            while index + 4 <= bytes.count {
                rows[Int(bytes[index])] &+= 1
                rows[256 &+ Int(bytes[index &+ 1])] &+= 1
                rows[512 &+ Int(bytes[index &+ 2])] &+= 1
                rows[768 &+ Int(bytes[index &+ 3])] &+= 1
                index &+= 4
            }
            while index < bytes.count {
                rows[Int(bytes[index])] &+= 1
                index &+= 1
            }
        }
    }
}
