/// A preprocessed text with its tokens and their positions.
package struct TokenizedText: Sendable {
    /// The text as a model reads it.
    package var bytes: [UInt8]
    /// The id of every token, `Vocabulary.unknownID` for unknown ones.
    package var ids: [Int32]
    /// The position of the first byte of every token.
    package var starts: [Int]
}

/// Cuts texts into the tokens of a vocabulary: ids of a text that comes in pieces, and positions in a text in memory.
package struct Tokenizer: Sendable {
    private let vocabulary: Vocabulary
    private var preprocessor: Preprocessor
    private var scanner = WordScanner()
    /// Ids of tokens that are one byte: of ASCII characters, or of bytes.
    private var byteIDs = [UInt32](repeating: 0, count: 256)
    /// Ids of the other characters.
    private var scalarIDs = ScalarTable()

    /// The number of bytes of preprocessed text that have become ids.
    private(set) var byteCount = 0
    /// The number of Unicode scalars among them; not counted for byte tokens, which need not be UTF-8.
    private(set) var characterCount = 0

    /// The byte between two lines of a preprocessed text: a line feed or, where white space is squeezed, a space.
    ///
    /// Nil between words, and when the vocabulary lacks that byte.
    private let separator: UInt8?
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
        // No token is shorter than a byte, and one word of earlier pieces may end in a piece.
        let block = UnsafeMutableBufferPointer<ID>.allocate(capacity: TextReader.longestPiece + 1)
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
        case .bytes: break
        case .characters: characterCount += count
        case .words: characterCount += UnsafeBufferPointer(rebasing: piece[..<used]).scalarCount()
        }
        return count
    }

    /// Writes the id of the word that ends with the text, if there is one, and returns the number of ids, 0 or 1.
    mutating func finish<ID: FixedWidthInteger>(into ids: UnsafeMutableBufferPointer<ID>) -> Int {
        var count = 0
        scanner.finish { [table = vocabulary.table] word in
            Self.append(table.index(of: word), to: ids, at: &count)
        }
        return count
    }

    // MARK: Texts in memory

    /// The ids of a text in memory, with the tokens that the vocabulary lacks.
    mutating func encode(_ text: UnsafeBufferPointer<UInt8>) -> EncodedText {
        let mark = vocabulary.kind == .bytes ? 0 : text.byteOrderMarkLength
        let bytes = preprocessed(UnsafeBufferPointer(rebasing: text[mark...]))
        // No token is shorter than a byte.
        let ids = [Int32](unsafeUninitializedCapacity: bytes.count + 1) { buffer, count in
            count = bytes.withUnsafeBufferPointer { encode($0, into: buffer) }
            count += finish(into: UnsafeMutableBufferPointer(rebasing: buffer[count...]))
        }
        guard ids.contains(Vocabulary.unknownID) else { return EncodedText(ids: ids, unknownTokens: []) }
        var unknown = TokenTable()
        bytes.withUnsafeBufferPointer { bytes in
            forEachToken(in: bytes) { [table = vocabulary.table] id, _, token in
                // A text may contain the word "<unk>", which the vocabulary does not lack.
                if id == Vocabulary.unknownID, table.index(of: token) == nil { _ = unknown.insert(token) }
            }
        }
        return EncodedText(
            ids: ids, unknownTokens: unknown.indices.map { vocabulary.name(of: unknown[$0]) })
    }

    /// Cuts a text, which must be UTF-8 unless tokens are bytes.
    package mutating func tokenize(_ text: UnsafeBufferPointer<UInt8>) -> TokenizedText {
        tokenized(preprocessed(text))
    }

    /// Cuts a line, given without its end, which becomes the last token if the vocabulary has one for it.
    package mutating func tokenize(line: UnsafeBufferPointer<UInt8>) -> TokenizedText {
        var bytes = preprocessed(line)
        if vocabulary.preprocessing != .none {
            // The separator is the one space between this line and the next.
            if bytes.last == 0x20 { bytes.removeLast() }
            if bytes.first == 0x20 { bytes.removeFirst() }
        }
        if let separator { bytes.append(separator) }
        return tokenized(bytes)
    }

    private mutating func preprocessed(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        guard vocabulary.preprocessing != .none else { return Array(text) }
        preprocessor.restart()
        let capacity = text.count * Preprocessor.maximumGrowth + Preprocessor.slack
        return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            if let base = buffer.baseAddress { count = preprocessor.process(text, into: base) }
        }
    }

    private mutating func tokenized(_ bytes: [UInt8]) -> TokenizedText {
        var (ids, starts) = ([Int32](), [Int]())
        if vocabulary.kind != .words {
            ids.reserveCapacity(bytes.count)
            starts.reserveCapacity(bytes.count)
        }
        bytes.withUnsafeBufferPointer { bytes in
            forEachToken(in: bytes) { id, start, _ in
                ids.append(id)
                starts.append(start)
            }
        }
        return TokenizedText(bytes: bytes, ids: ids, starts: starts)
    }

    /// Calls `body` with the id, the position and the bytes of each token of a whole text.
    private mutating func forEachToken(
        in text: UnsafeBufferPointer<UInt8>,
        _ body: (_ id: Int32, _ start: Int, _ token: UnsafeBufferPointer<UInt8>) -> Void
    ) {
        guard let base = text.baseAddress else { return }
        switch vocabulary.kind {
        case .bytes:
            for (start, byte) in text.enumerated() {
                body(id(ofByte: byte), start, UnsafeBufferPointer(rebasing: text[start...start]))
            }
        case .characters:
            var end = 0
            while end < text.count {
                let start = end
                let id: Int32
                if text[start] < 0x80 {
                    end += 1
                    id = self.id(ofByte: text[start])
                } else {
                    id = self.id(ofScalar: text.nextScalar(at: &end))
                }
                body(id, start, UnsafeBufferPointer(rebasing: text[start..<end]))
            }
        case .words:
            let table = vocabulary.table
            func id(of word: UnsafeBufferPointer<UInt8>) -> Int32 {
                table.index(of: word).map(Int32.init) ?? Vocabulary.unknownID
            }
            _ = scanner.scan(text) { word in
                body(id(of: word), word.baseAddress.map { $0 - base } ?? 0, word)
                return true
            }
            scanner.finish { word in
                body(id(of: word), text.count - word.count, word)
                return true
            }
        }
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
