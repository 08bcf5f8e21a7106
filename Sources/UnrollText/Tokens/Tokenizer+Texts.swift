/// A preprocessed text with its tokens and their positions.
package struct TokenizedText: Sendable {
    /// The text as a model reads it.
    package var bytes: [UInt8]
    /// The id of every token, `Vocabulary.unknownID` for unknown ones.
    package var ids: [Int32]
    /// The position of the first byte of every token.
    package var starts: [Int]
}

// MARK: Texts in memory

extension Tokenizer {
    /// The ids of a whole text in memory, with the tokens that the vocabulary lacks.
    mutating func encode(_ text: UnsafeBufferPointer<UInt8>) -> EncodedText {
        encoded(preprocessed(withoutMark(text)))
    }

    /// The ids of a piece of a text, with the tokens that the vocabulary lacks.
    ///
    /// - Parameters:
    ///   - piece: The piece, which must be UTF-8 unless tokens are bytes or subwords.
    ///   - joint: What the piece follows, nil at the beginning of the text; then what the next piece follows.
    /// - Returns: The tokens, the first of which may be an open word with what the piece adds to it.
    package mutating func encode(
        piece: UnsafeBufferPointer<UInt8>, after joint: inout TextJoint?
    ) -> EncodedText {
        var next = joint ?? TextJoint()
        var bytes = preprocessed(
            piece: joint == nil ? withoutMark(piece) : piece, afterSpace: &next.isAfterSpace)
        if vocabulary.kind.isOpenEnded {
            bytes = next.openWord + bytes
            next.openWord = bytes.withUnsafeBufferPointer(openEnd)
        }
        joint = next
        return encoded(bytes)
    }

    /// The bytes at the end of a preprocessed text whose tokens more text may change.
    private func openEnd(of text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        if vocabulary.kind == .subwords {
            var scanner = PreTokenScanner()
            scanner.scan(text) { _ in }
            return scanner.open
        }
        var scanner = WordScanner()
        _ = scanner.scan(text) { _ in true }
        return scanner.begun
    }

    /// The ids of a text that is preprocessed already.
    package mutating func ids(ofPreprocessed text: UnsafeBufferPointer<UInt8>) -> [Int32] {
        // No token is shorter than a byte.
        [Int32](unsafeUninitializedCapacity: text.count + 1) { buffer, count in
            count = encode(text, into: buffer)
            count += finish(into: UnsafeMutableBufferPointer(rebasing: buffer[count...]))
        }
    }

    private mutating func encoded(_ bytes: [UInt8]) -> EncodedText {
        let ids = bytes.withUnsafeBufferPointer { self.ids(ofPreprocessed: $0) }
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

    /// Cuts a whole text, or the beginning of one, which must be UTF-8 unless tokens are bytes or subwords.
    package mutating func tokenize(
        _ text: UnsafeBufferPointer<UInt8>, isWhole: Bool = true
    ) -> TokenizedText {
        tokenized(preprocessed(text, isWhole: isWhole))
    }

    /// Cuts what stands at the beginning of a line, as if a line came before it.
    package mutating func tokenize(lineBeginning text: UnsafeBufferPointer<UInt8>) -> TokenizedText {
        var isAfterSpace = vocabulary.preprocessing != .none
        return tokenized(preprocessed(piece: text, afterSpace: &isAfterSpace))
    }

    /// Cuts a line between others, given without its end, which becomes the last token if the vocabulary has one for it.
    ///
    /// Where white space is squeezed, the end is one space with that around it, and an empty line adds nothing to it.
    ///
    /// Where characters or words are tokens, each maximal sequence of invalid bytes is unknown to the vocabulary; a word
    /// with such bytes is as a whole. They stay in the text as they are, unless preprocessing keeps letters alone.
    package mutating func tokenize(line: UnsafeBufferPointer<UInt8>) -> TokenizedText {
        guard !vocabulary.kind.isBytewise, line.firstInvalidUTF8Offset() != nil else {
            return tokenize(validLine: line)
        }
        let repaired = RepairedText(line)
        return repaired.restored(repaired.bytes.withUnsafeBufferPointer { tokenize(validLine: $0) })
    }

    private mutating func tokenize(validLine line: UnsafeBufferPointer<UInt8>) -> TokenizedText {
        var isAfterSpace = vocabulary.preprocessing != .none
        var bytes = preprocessed(piece: line, afterSpace: &isAfterSpace)
        if isAfterSpace {
            if separator == nil, !bytes.isEmpty { bytes.removeLast() }
        } else if let separator {
            bytes.append(separator)
        }
        return tokenized(bytes)
    }

    /// The text after a byte-order mark, which is no part of it unless a text is read as bytes.
    private func withoutMark(_ text: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: text[(vocabulary.kind.isBytewise ? 0 : text.byteOrderMarkLength)...])
    }

    private mutating func preprocessed(_ text: UnsafeBufferPointer<UInt8>, isWhole: Bool = true) -> [UInt8] {
        preprocessed(text) { preprocessor, output in
            preprocessor.restart()
            let count = preprocessor.process(text, into: output)
            return isWhole ? count : count + preprocessor.finish(into: output + count)
        }
    }

    private mutating func preprocessed(
        piece: UnsafeBufferPointer<UInt8>, afterSpace: inout Bool
    ) -> [UInt8] {
        preprocessed(piece) { $0.process(piece: piece, afterSpace: &afterSpace, into: $1) }
    }

    private mutating func preprocessed(
        _ text: UnsafeBufferPointer<UInt8>,
        _ process: (inout Preprocessor, UnsafeMutablePointer<UInt8>) -> Int
    ) -> [UInt8] {
        guard vocabulary.preprocessing != .none else { return Array(text) }
        let capacity = text.count * Preprocessor.maximumGrowth + Preprocessor.slack
        return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            if let base = buffer.baseAddress { count = process(&preprocessor, base) }
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
        case .subwords:
            var start = 0
            let table = vocabulary.table
            func each(_: UnsafeBufferPointer<UInt8>, _ ids: UnsafeBufferPointer<Int32>) {
                for id in ids {
                    let end = start + table[Int(id)].count
                    body(id, start, UnsafeBufferPointer(rebasing: text[start..<end]))
                    start = end
                }
            }
            subwords?.encode(text, each)
            subwords?.finish(each)
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
}
