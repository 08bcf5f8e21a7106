/// Finds the words of a text that comes in pieces: the runs between white space.
struct WordScanner {
    /// The beginning of a word whose end is in a later piece.
    private(set) var begun: [UInt8] = []

    /// Calls `body` with every word that ends in this piece until it returns false.
    ///
    /// Returns the number of bytes that were looked at: all of the piece, or those up to the end of the last word.
    @inline(__always)
    mutating func scan(
        _ piece: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Int {
        var start = 0
        var index = 0
        while index < piece.count {
            // Most bytes are visible ASCII characters, which are not white space.
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

    /// Calls `body` with the word that ends with the text, if there is one.
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

/// A number for every Unicode scalar, 0 until it is set, in pages that are made when first written to.
struct ScalarTable {
    /// The page in `values` of each 256 scalars; page 0 stays zero and serves all that are not set.
    private var pages = [UInt16](repeating: 0, count: 0x11_0000 >> 8)
    private var values = [Int](repeating: 0, count: 256)

    subscript(scalar: UInt32) -> Int {
        @inline(__always)
        get {
            values[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
        }
        @inline(__always)
        set {
            if pages[Int(scalar >> 8)] == 0 { addPage(of: scalar) }
            values[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)] = newValue
        }
    }

    /// The scalars with a value other than 0, in order.
    var nonzero: [(scalar: UInt32, value: Int)] {
        var entries: [(scalar: UInt32, value: Int)] = []
        for page in pages.indices where pages[page] != 0 {
            for scalar in UInt32(page) << 8..<UInt32(page + 1) << 8 where self[scalar] != 0 {
                entries.append((scalar, self[scalar]))
            }
        }
        return entries
    }

    @inline(never)
    private mutating func addPage(of scalar: UInt32) {
        pages[Int(scalar >> 8)] = UInt16(values.count >> 8)
        values.append(contentsOf: repeatElement(0, count: 256))
    }
}
