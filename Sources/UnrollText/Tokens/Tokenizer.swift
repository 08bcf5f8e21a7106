/// Cuts texts into the tokens of a vocabulary: ids of a text that comes in pieces, and positions in a text in memory.
package struct Tokenizer: Sendable {
    let vocabulary: Vocabulary
    var preprocessor: Preprocessor
    var scanner = WordScanner()
    /// Nil unless tokens are subwords.
    var subwords: SubwordTokenizer?
    /// Ids of tokens that are one byte: of ASCII characters, or of bytes.
    private var byteIDs = [UInt32](repeating: 0, count: 256)
    /// Ids of the other characters.
    private var scalarIDs = ScalarTable()

    /// The number of bytes of preprocessed text that have become ids.
    private(set) var byteCount = 0
    /// The number of Unicode scalars among them; not counted for bytes and subwords, which need not be UTF-8.
    private(set) var characterCount = 0

    /// The byte between two lines of a preprocessed text: a line feed or, where white space is squeezed, a space.
    ///
    /// Nil between words, and when the vocabulary lacks that byte.
    let separator: UInt8?
    /// The id of that byte.
    package let separatorID: Int32?

    /// Prepares to cut texts into the tokens of a vocabulary.
    package init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        preprocessor = Preprocessor(vocabulary.preprocessing, kind: vocabulary.kind)
        let byte: UInt8 = vocabulary.preprocessing == .none ? 0x0A : 0x20
        separatorID =
            vocabulary.kind == .words
            ? nil : vocabulary.table.index(of: CollectionOfOne(byte)).map(Int32.init)
        separator = separatorID == nil ? nil : byte
        subwords = vocabulary.subwords.map(SubwordTokenizer.init)
        guard vocabulary.kind != .words else { return }
        for id in 1..<max(vocabulary.count, 1) {
            let token = vocabulary.table[id]
            if let byte = token.first, token.count == 1 {
                byteIDs[Int(byte)] = UInt32(id)
            } else if vocabulary.kind == .characters,
                let scalar = String(decoding: token, as: UTF8.self).unicodeScalars.first
            {
                scalarIDs[scalar.value] = id
            }
        }
    }

    // MARK: Single tokens

    /// The id of an ASCII character, or of a byte where tokens are bytes.
    package func id(ofByte byte: UInt8) -> Int32 { Int32(byteIDs[Int(byte)]) }

    /// The id of a character beyond ASCII.
    package func id(ofScalar value: UInt32) -> Int32 { Int32(scalarIDs[value]) }

    /// The id of a word.
    package func id(ofWord word: some Collection<UInt8>) -> Int32 {
        vocabulary.table.index(of: word).map(Int32.init) ?? Vocabulary.unknownID
    }

    // MARK: Ids of a text in pieces

    /// The greatest number of tokens that end in a piece, or with the text after it.
    func maximumCount(inPieceOf byteCount: Int) -> Int {
        // No token is shorter than a byte, and one word of earlier pieces may end in this one.
        subwords?.maximumCount(inPieceOf: byteCount) ?? byteCount + 1
    }

    /// The ids of a text's first tokens, `limit` at most.
    ///
    /// Memory for `expected` ids is reserved at once; what is not written to is never touched.
    mutating func ids<ID: FixedWidthInteger>(
        of source: TextSource, limit: Int, expected: Int, as: ID.Type = ID.self
    ) throws -> [ID] {
        var ids: [ID] = []
        ids.reserveCapacity(min(limit, expected))
        try encode(source, limit: limit) { ids.append(contentsOf: $0) }
        return ids
    }

    /// Calls `body` with the ids of a text's first tokens, `limit` at most, one block after another.
    mutating func encode<ID: FixedWidthInteger>(
        _ source: TextSource, limit: Int, _ body: (UnsafeBufferPointer<ID>) throws -> Void
    ) throws {
        let block = UnsafeMutableBufferPointer<ID>.allocate(
            capacity: SubwordTokenizer.maximumCount(inAnyPieceOf: TextReader.longestPiece))
        defer { block.deallocate() }
        let reader = TextReader(source)
        var total = 0
        while total < limit {
            let piece = try reader.next()
            let room = UnsafeMutableBufferPointer(rebasing: block.prefix(limit - total))
            let count = piece.map { encode($0, into: room) } ?? finish(into: room)
            total += count
            if count > 0 { try body(UnsafeBufferPointer(rebasing: block[..<count])) }
            if piece == nil { return }
        }
    }

    /// Writes the ids of the tokens that end in the next piece, as many as there is room for, and returns their number.
    mutating func encode<ID: FixedWidthInteger>(
        _ piece: UnsafeBufferPointer<UInt8>, into ids: UnsafeMutableBufferPointer<ID>
    ) -> Int {
        var count = 0
        let used = encode(piece, into: ids, at: &count)
        byteCount += used
        switch vocabulary.kind {
        case .bytes, .subwords: break
        case .characters: characterCount += count
        case .words: characterCount += UnsafeBufferPointer(rebasing: piece[..<used]).scalarCount()
        }
        return count
    }

    /// Writes the ids of the tokens that end with the text, as many as there is room for, and returns their number.
    mutating func finish<ID: FixedWidthInteger>(into ids: UnsafeMutableBufferPointer<ID>) -> Int {
        var count = 0
        if subwords != nil {
            let length = encodeSubwords(nil, into: ids, at: &count)
            byteCount += length
            return count
        }
        scanner.finish { [table = vocabulary.table] word in
            Self.append(table.index(of: word), to: ids, at: &count)
        }
        return count
    }

    // MARK: Inner loops

    /// Writes ids until the piece or the buffer ends, and returns the number of bytes of the piece that they stand for.
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
        case .subwords:
            return encodeSubwords(piece, into: ids, at: &count)
        case .words:
            return scanner.scan(piece) { [table = vocabulary.table] word in
                Self.append(table.index(of: word), to: ids, at: &count)
            }
        }
    }

    /// Writes the ids of the subwords that end in a piece, or without one with the text.
    ///
    /// - Returns: The number of bytes that they stand for, some of which may be of earlier pieces.
    private mutating func encodeSubwords<ID: FixedWidthInteger>(
        _ piece: UnsafeBufferPointer<UInt8>?, into ids: UnsafeMutableBufferPointer<ID>, at count: inout Int
    ) -> Int {
        var length = 0
        let table = vocabulary.table
        func append(_ preToken: UnsafeBufferPointer<UInt8>, _ new: UnsafeBufferPointer<Int32>) {
            let room = ids.count - count
            for index in 0..<min(new.count, room) {
                ids[count &+ index] = ID(truncatingIfNeeded: new[index])
            }
            length +=
                new.count <= room
                ? preToken.count : new[..<room].reduce(0) { $0 + table[Int($1)].count }
            count += min(new.count, room)
        }
        if let piece { subwords?.encode(piece, append) } else { subwords?.finish(append) }
        return length
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
