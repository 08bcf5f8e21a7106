/// Finds the words, which stand between white space, in a text that comes in pieces.
struct WordScanner {
    /// The beginning of a word whose end is in a later piece.
    private var begun: [UInt8] = []

    /// Calls `body` with every word that ends in this piece until it returns false.
    ///
    /// Returns how many bytes of the piece were looked at: all of them, or those up to the end of the last word.
    @inline(__always)
    mutating func scan(
        _ piece: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Int {
        var start = 0
        var index = 0
        while index < piece.count {
            // Most bytes are visible ASCII characters, which are no white space.
            while index < piece.count, piece[index] &- 0x21 < 0x5F { index += 1 }
            if index == piece.count { break }
            let spaceLength = piece.whiteSpaceLength(at: index)
            if spaceLength == 0 {
                index += 1
                continue
            }
            if index > start || !begun.isEmpty {
                let word = UnsafeBufferPointer(rebasing: piece[start..<index])
                guard begun.isEmpty ? body(word) : endBegun(with: word, body) else { return index }
            }
            index += spaceLength
            start = index
        }
        begun.append(contentsOf: piece[start...])
        return piece.count
    }

    /// Calls `body` with the word that the end of the text ends, if there is one.
    mutating func finish(_ body: (UnsafeBufferPointer<UInt8>) -> Bool) {
        if !begun.isEmpty { _ = endBegun(with: UnsafeBufferPointer(start: nil, count: 0), body) }
    }

    private mutating func endBegun(
        with end: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool {
        begun.append(contentsOf: end)
        defer { begun.removeAll(keepingCapacity: true) }
        return begun.withUnsafeBufferPointer(body)
    }
}
