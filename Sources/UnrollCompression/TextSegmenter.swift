import UnrollText

/// Cuts any bytes into pieces, each of one token, so that a model reads the preprocessed text.
///
/// Preprocessing and splitting follow the rules by which texts are read. Where preprocessing squeezes white space, or
/// words are tokens, a piece has other bytes than its token: with `lowercase` the piece "\n\n" has the token " ", with
/// words the piece "end.\n" has the token "end.".
struct TextSegmenter: Sendable {
    /// The bytes that each token usually stands for; words with a space after them.
    let usual: [[UInt8]]
    /// Whether pieces of other tokens than `<unk>` may have other bytes than the usual ones.
    var hasCorrections: Bool { rules.haveSeparators }

    private let kind: TokenKind
    private let preprocessing: Preprocessing
    private let rules: PreprocessingRules
    private let tokenizer: Tokenizer

    init(_ vocabulary: Vocabulary) {
        kind = vocabulary.kind
        preprocessing = vocabulary.preprocessing
        rules = PreprocessingRules(preprocessing, kind: kind)
        tokenizer = Tokenizer(vocabulary)
        usual =
            [[]]
            + (1..<max(1, Int32(vocabulary.count))).map { id in
                vocabulary.bytes(of: id) + (vocabulary.kind == .words ? [0x20] : [])
            }
    }

    /// The pieces of a text, one after another.
    func segments(of bytes: UnsafeBufferPointer<UInt8>) -> [TextSegment] {
        if kind == .subwords { return subwords(of: bytes) }
        var segments: [TextSegment] = []
        segments.reserveCapacity(kind == .words ? bytes.count / 4 : bytes.count)
        var index = 0
        while index < bytes.count {
            let start = index
            let token = kind == .words ? word(in: bytes, at: &index) : character(in: bytes, at: &index)
            // What is unknown is one escape as far as it goes, but every unknown word is one, as when the model learned.
            if kind != .words, token == Vocabulary.unknownID, let last = segments.last, last.token == token,
                Int(last.length) + index - start <= TextSegment.maximumLength
            {
                segments.removeLast()
                segments.append(TextSegment(token: token, length: last.length + Int32(index - start)))
            } else {
                segments.append(TextSegment(token: token, length: Int32(index - start)))
            }
        }
        return segments
    }

    /// The token of the character, byte or run of separators at `index`, which moves past it.
    private func character(in bytes: UnsafeBufferPointer<UInt8>, at index: inout Int) -> Int32 {
        let first = unit(of: bytes, at: index)
        let start = index
        index += first.length
        switch first.content {
        case .separator:
            skipSeparators(in: bytes, from: start, at: &index)
            return tokenizer.id(ofByte: 0x20)
        case .unit(let value):
            return value < 0x80 || kind == .bytes
                ? tokenizer.id(ofByte: UInt8(value)) : tokenizer.id(ofScalar: value)
        case .several, nil:
            return Vocabulary.unknownID
        }
    }

    /// The pieces of a text whose tokens are subwords of its preprocessed form.
    private func subwords(of bytes: UnsafeBufferPointer<UInt8>) -> [TextSegment] {
        var text: [UInt8] = []
        // Where the bytes of the text are that became each of its preprocessed form.
        var starts: [Int] = []
        var index = 0
        while index < bytes.count {
            let start = index
            index += 1
            starts.append(start)
            if case .unit(let value) = rules.outcome(ofByte: bytes[start]) {
                text.append(UInt8(value))
            } else {
                text.append(0x20)
                skipSeparators(in: bytes, from: start, at: &index)
            }
        }
        starts.append(bytes.count)
        var tokenizer = tokenizer
        var position = 0
        return text.withUnsafeBufferPointer { tokenizer.ids(ofPreprocessed: $0) }.map { token in
            let start = starts[position]
            position += usual[Int(token)].count
            return TextSegment(token: token, length: Int32(starts[position] - start))
        }
    }

    /// The token of the word at `index`, which moves past the separators that follow it.
    private func word(in bytes: UnsafeBufferPointer<UInt8>, at index: inout Int) -> Int32 {
        let start = index
        var word: [UInt8] = []
        while index < bytes.count, index - start < TextSegment.maximumLength - 4 {
            let unit = unit(of: bytes, at: index)
            if unit.content == .separator { break }
            if case .unit(let value) = unit.content, let scalar = Unicode.Scalar(value) {
                word += UTF8.encode(scalar) ?? .init()
            } else {
                word += bytes[index..<index + unit.length]
            }
            index += unit.length
        }
        skipSeparators(in: bytes, from: start, at: &index)
        return tokenizer.id(ofWord: word)
    }

    private func skipSeparators(
        in bytes: UnsafeBufferPointer<UInt8>, from start: Int, at index: inout Int
    ) {
        while index < bytes.count {
            let unit = unit(of: bytes, at: index)
            guard unit.content == .separator, index + unit.length - start <= TextSegment.maximumLength else {
                return
            }
            index += unit.length
        }
    }

    /// A byte or character at a position, preprocessed, and its length; no content for bytes that are not UTF-8.
    @inline(__always)
    private func unit(
        of bytes: UnsafeBufferPointer<UInt8>, at index: Int
    ) -> (content: PreprocessingRules.Outcome?, length: Int) {
        let byte = bytes[index]
        if byte < 0x80 || kind.isBytewise { return (rules.outcome(ofByte: byte), 1) }
        guard let length = bytes.validSequenceLength(at: index) else {
            return (preprocessing == .letters ? .separator : nil, 1)
        }
        var end = index
        return (rules.outcome(ofScalar: bytes.nextScalar(at: &end)), length)
    }
}
