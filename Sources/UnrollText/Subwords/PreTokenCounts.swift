/// The distinct pre-tokens of a text with the number of occurrences of each, in bounded memory.
///
/// When there are more than a million, or they have more than 16 MB together, the rarer half is dropped, and of equally
/// frequent ones those that came later. This happens at the same places of a text every time.
package struct PreTokenCounts {
    private(set) var table = TokenTable()
    /// Occurrences by index in the table.
    package private(set) var counts: [Int] = []
    /// The number of bytes that were counted, those of dropped pre-tokens included.
    private(set) var total = 0
    /// The bytes of all pre-tokens in the table.
    private var byteCount = 0

    private let limit: Int
    private let byteLimit: Int

    /// Counts nothing yet; the limits are those of distinct pre-tokens and of their bytes.
    package init(limit: Int = 1 << 20, byteLimit: Int = 1 << 24) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// Counts the pre-tokens of a text.
    init(counting source: TextSource) throws(TextError) {
        self.init()
        var scanner = PreTokenScanner()
        try source.forEachPiece { piece in scanner.scan(piece) { add($0) } }
        scanner.finish { add($0) }
    }

    /// Counts one pre-token.
    package mutating func add(_ preToken: UnsafeBufferPointer<UInt8>) {
        total += preToken.count
        let index = table.insert(preToken)
        guard index == counts.count else {
            counts[index] += 1
            return
        }
        counts.append(1)
        byteCount += preToken.count
        if counts.count > limit || byteCount > byteLimit { dropRarest() }
    }

    private mutating func dropRarest() {
        let order = counts.indices.sorted {
            counts[$0] == counts[$1] ? $0 < $1 : counts[$0] > counts[$1]
        }
        var kept: [Int] = []
        var keptBytes = 0
        for index in order.prefix(limit / 2) {
            keptBytes += table[index].count
            if keptBytes > byteLimit / 2 { break }
            kept.append(index)
        }
        kept.sort()
        var (newTable, newCounts) = (TokenTable(), [Int]())
        byteCount = 0
        for index in kept {
            _ = newTable.insert(table[index])
            newCounts.append(counts[index])
            byteCount += table[index].count
        }
        table = newTable
        counts = newCounts
    }
}
