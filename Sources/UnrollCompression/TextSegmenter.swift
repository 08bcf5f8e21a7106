import UnrollText

/// Cuts any bytes into pieces, each of one token, so that a model reads what it would read of the preprocessed text.
///
/// Where preprocessing squeezes white space, or words are tokens, a piece has more bytes than the token says: with
/// `lowercase` the piece "\n\n" has the token " ", with words the piece "end.\n" has the token "end.".
struct TextSegmenter: Sendable {
    /// The bytes that each token stands for unless something else is said; words with a space behind them.
    let usual: [[UInt8]]
    /// Whether pieces of other tokens than `<unk>` may be of other bytes than the usual ones.
    let hasCorrections: Bool

    private let kind: TokenKind
    private let preprocessing: Preprocessing
    private var byteIDs = [Int32](repeating: Vocabulary.unknownID, count: 256)
    /// Ids of the characters beyond ASCII.
    private var scalarIDs: [UInt32: Int32] = [:]
    private var wordIDs: [[UInt8]: Int32] = [:]

    init(_ vocabulary: Vocabulary) {
        kind = vocabulary.kind
        preprocessing = vocabulary.preprocessing
        hasCorrections = kind == .words || preprocessing != .none
        var usual: [[UInt8]] = [[]]
        for id in 1..<max(1, Int32(vocabulary.count)) {
            let bytes = vocabulary.bytes(of: id)
            if kind == .words {
                wordIDs[bytes] = id
            } else if bytes.count == 1 {
                byteIDs[Int(bytes[0])] = id
            } else if let scalar = String(decoding: bytes, as: UTF8.self).unicodeScalars.first {
                scalarIDs[scalar.value] = id
            }
            usual.append(kind == .words ? bytes + [0x20] : bytes)
        }
        self.usual = usual
    }

    /// The pieces of a text, one after another.
    func segments(of bytes: UnsafeBufferPointer<UInt8>) -> [TextSegment] {
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

    /// The token of the character, byte or run of separators at `index`, which moves behind it.
    private func character(in bytes: UnsafeBufferPointer<UInt8>, at index: inout Int) -> Int32 {
        let first = unit(of: bytes, at: index)
        let start = index
        index += first.length
        guard first.content == .separator else { return id(of: first.content) }
        skipSeparators(in: bytes, from: start, at: &index)
        return byteIDs[0x20]
    }

    /// The token of the word at `index`, which moves behind the separators that follow it.
    private func word(in bytes: UnsafeBufferPointer<UInt8>, at index: inout Int) -> Int32 {
        let start = index
        var word: [UInt8] = []
        while index < bytes.count, index - start < TextSegment.maximumLength - 4 {
            let unit = unit(of: bytes, at: index)
            if unit.content == .separator { break }
            if case .scalar(let value) = unit.content, let scalar = Unicode.Scalar(value) {
                word += UTF8.encode(scalar) ?? .init()
            } else {
                word += bytes[index..<index + unit.length]
            }
            index += unit.length
        }
        skipSeparators(in: bytes, from: start, at: &index)
        return wordIDs[word] ?? Vocabulary.unknownID
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

    private func id(of content: Unit.Content) -> Int32 {
        guard case .scalar(let value) = content else { return Vocabulary.unknownID }
        if value < 0x80 || kind == .bytes { return byteIDs[Int(value)] }
        return scalarIDs[value] ?? Vocabulary.unknownID
    }

    /// A byte or a character after preprocessing.
    private struct Unit {
        enum Content: Equatable {
            /// What the model sees: a Unicode scalar, or a byte where tokens are bytes.
            case scalar(UInt32)
            /// What becomes a space, or stands between words.
            case separator
            /// No UTF-8, or what becomes several characters.
            case other
        }

        let content: Content
        let length: Int
    }

    @inline(__always)
    private func unit(of bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Unit {
        let byte = bytes[index]
        if byte < 0x80 || kind == .bytes { return Unit(content: content(ofByte: byte), length: 1) }
        guard let length = bytes.validSequenceLength(at: index) else {
            return Unit(content: preprocessing == .letters ? .separator : .other, length: 1)
        }
        var end = index
        return Unit(content: content(ofScalar: bytes.nextScalar(at: &end)), length: length)
    }

    private func content(ofByte byte: UInt8) -> Unit.Content {
        let isLetter = (0x41...0x5A).contains(byte & 0xDF)
        switch byte {
        case _ where preprocessing == .letters && !isLetter: return .separator
        case 0x20 where hasCorrections, 0x09...0x0D where hasCorrections: return .separator
        case 0x41...0x5A where preprocessing != .none: return .scalar(UInt32(byte | 0x20))
        default: return .scalar(UInt32(byte))
        }
    }

    private func content(ofScalar value: UInt32) -> Unit.Content {
        guard hasCorrections else { return .scalar(value) }
        guard preprocessing != .letters, let scalar = Unicode.Scalar(value),
            !scalar.properties.isWhitespace
        else { return .separator }
        guard preprocessing == .lowercase else { return .scalar(value) }
        let lowercase = scalar.properties.lowercaseMapping.unicodeScalars
        return lowercase.count == 1 ? lowercase.first.map { .scalar($0.value) } ?? .other : .other
    }
}
