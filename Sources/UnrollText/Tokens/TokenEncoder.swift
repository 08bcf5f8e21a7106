/// Turns the tokens of a text into their ids under a vocabulary.
struct TokenEncoder {
    private let vocabulary: Vocabulary
    /// Ids of tokens that are one byte: of ASCII characters, or of bytes.
    private var byteIDs = [UInt32](repeating: 0, count: 256)
    /// Ids of the other characters.
    private var scalarIDs = ScalarTable()
    private var scanner = WordScanner()

    /// The number of bytes of preprocessed text that have become ids.
    private(set) var byteCount = 0
    /// The number of Unicode scalars among them; not counted for byte tokens, which need not be UTF-8.
    private(set) var characterCount = 0

    init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        guard vocabulary.kind != .words else { return }
        for id in 1..<max(vocabulary.count, 1) {
            let token = vocabulary.table[id]
            if let byte = token.first, token.count == 1 {
                byteIDs[Int(byte)] = UInt32(id)
            } else if let scalar = String(decoding: token, as: UTF8.self).unicodeScalars.first {
                scalarIDs[scalar.value] = id
            }
        }
    }

    /// The ids of a text's first tokens, `limit` at most, of which about `expected` are expected.
    ///
    /// Memory that no id is written to is asked for and never touched.
    mutating func ids<ID: FixedWidthInteger>(
        of pieces: TextPieces, limit: Int, expected: Int, as: ID.Type = ID.self
    ) throws(TextError) -> [ID] {
        var ids: [ID] = []
        ids.reserveCapacity(min(limit, expected))
        try encode(pieces, limit: limit) { ids.append(contentsOf: $0) }
        return ids
    }

    /// Calls `body` with the ids of a text's first tokens, `limit` at most, one block after another.
    mutating func encode<ID: FixedWidthInteger>(
        _ pieces: TextPieces, limit: Int, _ body: (UnsafeBufferPointer<ID>) throws(TextError) -> Void
    ) throws(TextError) {
        // No token is shorter than a byte, and one word of earlier pieces may end in a piece.
        let block = UnsafeMutableBufferPointer<ID>.allocate(capacity: TextPieces.maximumSize + 1)
        defer { block.deallocate() }
        var total = 0
        try pieces.forEach { piece throws(TextError) in
            let count = encode(piece, into: UnsafeMutableBufferPointer(rebasing: block.prefix(limit - total)))
            total += count
            try body(UnsafeBufferPointer(rebasing: block[..<count]))
            return total < limit
        }
        if total < limit {
            let count = finish(into: block)
            if count > 0 { try body(UnsafeBufferPointer(rebasing: block[..<count])) }
        }
    }

    /// Writes the ids of the tokens that end in the next piece, as far as there is room, and returns their number.
    mutating func encode<ID: FixedWidthInteger>(
        _ piece: UnsafeBufferPointer<UInt8>, into ids: UnsafeMutableBufferPointer<ID>
    ) -> Int {
        var count = 0
        let used = encode(piece, into: ids, at: &count)
        byteCount += used
        switch vocabulary.kind {
        case .bytes: break
        case .characters: characterCount += count
        case .words: characterCount += UnsafeBufferPointer(rebasing: piece[..<used]).scalarCount()
        }
        return count
    }

    /// Writes the id of the word that the end of the text ends, if there is one, and returns how many that are.
    mutating func finish<ID: FixedWidthInteger>(into ids: UnsafeMutableBufferPointer<ID>) -> Int {
        var count = 0
        scanner.finish { [table = vocabulary.table] word in
            Self.append(table.index(of: word), to: ids, at: &count)
        }
        return count
    }

    /// Calls `body` with the id and the first byte of each token of a whole text; one of words ends in white space.
    mutating func forEachToken(
        in text: UnsafeBufferPointer<UInt8>, _ body: (_ id: Int32, _ start: Int) -> Void
    ) {
        switch vocabulary.kind {
        case .bytes:
            for (start, byte) in text.enumerated() { body(Int32(byteIDs[Int(byte)]), start) }
        case .characters:
            var end = 0
            while end < text.count {
                let start = end
                if text[start] < 0x80 {
                    end += 1
                    body(Int32(byteIDs[Int(text[start])]), start)
                } else {
                    body(Int32(scalarIDs[text.nextScalar(at: &end)]), start)
                }
            }
        case .words:
            guard let base = text.baseAddress else { return }
            _ = scanner.scan(text) { [table = vocabulary.table] word in
                let start = word.baseAddress.map { $0 - base } ?? 0
                body(Int32(table.index(of: word) ?? Int(Vocabulary.unknownID)), start)
                return true
            }
        }
    }

    /// Writes ids until the piece or the buffer ends, and returns how many bytes of the piece they stand for.
    private mutating func encode<ID: FixedWidthInteger>(
        _ piece: UnsafeBufferPointer<UInt8>, into ids: UnsafeMutableBufferPointer<ID>, at count: inout Int
    ) -> Int {
        switch vocabulary.kind {
        case .bytes:
            let length = min(piece.count, ids.count - count)
            encodeBytes(piece, 0..<length, into: ids, at: &count)
            return length
        case .characters:
            var index = 0
            while index < piece.count, count < ids.count {
                let end = min(piece.asciiRunEnd(from: index), index + ids.count - count)
                encodeBytes(piece, index..<end, into: ids, at: &count)
                index = end
                while index < piece.count, piece[index] >= 0x80, count < ids.count {
                    ids[count] = ID(truncatingIfNeeded: scalarIDs[piece.nextScalar(at: &index)])
                    count += 1
                }
            }
            return index
        case .words:
            return scanner.scan(piece) { [table = vocabulary.table] word in
                Self.append(table.index(of: word), to: ids, at: &count)
            }
        }
    }

    /// Writes the id of a word, and returns whether there is room for another.
    private static func append<ID: FixedWidthInteger>(
        _ id: Int?, to ids: UnsafeMutableBufferPointer<ID>, at count: inout Int
    ) -> Bool {
        ids[count] = ID(truncatingIfNeeded: id ?? Int(Vocabulary.unknownID))
        count += 1
        return count < ids.count
    }

    private func encodeBytes<ID: FixedWidthInteger>(
        _ piece: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into ids: UnsafeMutableBufferPointer<ID>,
        at count: inout Int
    ) {
        byteIDs.withUnsafeBufferPointer { byteIDs in
            let start = count - range.lowerBound
            for index in range {
                ids[start &+ index] = ID(truncatingIfNeeded: byteIDs[Int(piece[index])])
            }
        }
        count += range.count
    }
}
