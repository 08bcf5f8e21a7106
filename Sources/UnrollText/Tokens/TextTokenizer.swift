/// A preprocessed text with its tokens and their places.
package struct TokenizedText: Sendable {
    /// The text as a model reads it.
    package var bytes: [UInt8]
    /// The id of every token, `Vocabulary.unknownID` for unknown ones.
    package var ids: [Int32] = []
    /// The first byte of every token.
    package var starts: [Int] = []
}

/// Cuts one text after another into tokens and keeps where each of them stands.
package struct TextTokenizer {
    private let vocabulary: Vocabulary
    private var preprocessor: Preprocessor
    private var encoder: TokenEncoder
    /// What stands between two lines of a preprocessed text, if the vocabulary has it: a line feed or, where white
    /// space is squeezed, a space; nothing between words.
    private let separator: UInt8?

    /// The id of what stands between two lines.
    package let separatorID: Int32?

    /// Prepares to cut texts into tokens of a vocabulary.
    package init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        preprocessor = Preprocessor(vocabulary.preprocessing, kind: vocabulary.kind)
        encoder = TokenEncoder(vocabulary)
        let byte: UInt8 = vocabulary.preprocessing == .none ? 0x0A : 0x20
        separatorID =
            vocabulary.kind == .words
            ? nil : vocabulary.table.index(of: CollectionOfOne(byte)).map(Int32.init)
        separator = separatorID == nil ? nil : byte
    }

    /// Cuts a text, which is UTF-8 unless tokens are bytes.
    package mutating func tokenize(_ text: UnsafeBufferPointer<UInt8>) -> TokenizedText {
        tokenized(preprocessed(text))
    }

    /// Cuts a line, given without its end, which becomes its last token if the vocabulary has one for it.
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
        var text = TokenizedText(bytes: bytes)
        if vocabulary.kind != .words {
            text.ids.reserveCapacity(bytes.count)
            text.starts.reserveCapacity(bytes.count)
        }
        // The last word, too, needs something behind it.
        (vocabulary.kind == .words ? bytes + [0x0A] : bytes).withUnsafeBufferPointer { bytes in
            encoder.forEachToken(in: bytes) { id, start in
                text.ids.append(id)
                text.starts.append(start)
            }
        }
        return text
    }
}
