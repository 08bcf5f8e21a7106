/// The change that is made to a text before it is cut into tokens.
///
/// The ends that are stripped are those of a whole text: a corpus, or a file to evaluate. A prompt, a line or what is
/// typed is a piece of a text, at whose ends nothing is stripped; white space at its beginning joins that before it.
///
/// For `characters` and `words`, a byte-order mark at the beginning is dropped as well. Bytes and subwords are made of the
/// file as it is: nothing is dropped, and only ASCII bytes have a case or count as white space.
public enum Preprocessing: String, CaseIterable, Codable, Sendable {
    /// No change.
    case none
    /// Lower case. Every run of white space becomes one space, and there is none at either end.
    case lowercase
    /// Every run of anything but A-Z and a-z becomes one space, and letters become lower case ("Dive into Deep
    /// Learning" 1.0).
    case letters
}

/// The rules of preprocessing for one byte or character, which reading, scoring and compression share.
package struct PreprocessingRules: Sendable {
    /// The outcome of preprocessing one byte or character.
    package enum Outcome: Sendable, Equatable {
        /// A Unicode scalar, or a byte where tokens are bytes.
        case unit(UInt32)
        /// It separates words, and becomes a space if the text is preprocessed.
        case separator
        /// More than one Unicode scalar.
        case several([UInt32])
    }

    private let preprocessing: Preprocessing
    /// Whether anything is a separator; otherwise all units stay as they are.
    package let haveSeparators: Bool

    /// The rules for texts that are preprocessed and cut in a given way.
    package init(_ preprocessing: Preprocessing, kind: TokenKind) {
        self.preprocessing = preprocessing
        haveSeparators = preprocessing != .none || kind == .words
    }

    /// The outcome for an ASCII character, or for any byte where bytes stand for themselves.
    package func outcome(ofByte byte: UInt8) -> Outcome {
        switch byte {
        case 0x41...0x5A where preprocessing != .none: .unit(UInt32(byte + 0x20))
        case 0x41...0x5A, 0x61...0x7A: .unit(UInt32(byte))
        case 0x20 where haveSeparators, 0x09...0x0D where haveSeparators: .separator
        default: preprocessing == .letters ? .separator : .unit(UInt32(byte))
        }
    }

    /// The outcome for a character beyond ASCII.
    package func outcome(ofScalar value: UInt32) -> Outcome {
        guard haveSeparators else { return .unit(value) }
        guard preprocessing != .letters, let scalar = Unicode.Scalar(value),
            !scalar.properties.isWhitespace
        else { return .separator }
        guard preprocessing == .lowercase else { return .unit(value) }
        let lowercase = scalar.properties.lowercaseMapping.unicodeScalars.map(\.value)
        return lowercase.count == 1 ? .unit(lowercase[0]) : .several(lowercase)
    }
}

/// Preprocesses a text that comes in pieces as if it came whole.
struct Preprocessor {
    /// The factor by which a piece grows at most: a scalar of two bytes or more becomes seven bytes at most.
    static let maximumGrowth = 4
    /// The room that is needed after the output: scalars are written eight bytes at a time.
    static let slack = 8

    private let preprocessing: Preprocessing
    private let rules: PreprocessingRules
    /// Whether bytes stand for themselves, so that those beyond ASCII are not looked into.
    private let isBytewise: Bool
    /// The byte that a byte becomes: a space for every separator.
    private let mapping: [UInt8]
    /// The packed bytes that a scalar beyond ASCII becomes, once they have been looked up.
    private var lowercase = ScalarTable()
    /// 1 when a space would follow a space, or the beginning of a text whose ends are stripped; otherwise 0.
    private var isAfterSpace: Int
    /// Whether a space at the end of the last piece waits for something to follow it.
    private var owesSpace = false

    init(_ preprocessing: Preprocessing, kind: TokenKind) {
        self.preprocessing = preprocessing
        isBytewise = preprocessing == .letters || kind.isBytewise
        isAfterSpace = preprocessing == .lowercase ? 1 : 0
        let rules = PreprocessingRules(preprocessing, kind: kind)
        self.rules = rules
        mapping = (0...UInt8.max).map { byte in
            if case .unit(let value) = rules.outcome(ofByte: byte) { UInt8(value) } else { 0x20 }
        }
    }

    /// Begins another text.
    mutating func restart() {
        restart(afterSpace: preprocessing == .lowercase)
    }

    private mutating func restart(afterSpace: Bool) {
        isAfterSpace = afterSpace ? 1 : 0
        owesSpace = false
    }

    /// Writes the preprocessed form of a piece by itself, at whose ends nothing is stripped.
    ///
    /// - Parameters:
    ///   - piece: The piece.
    ///   - afterSpace: Whether it follows a space, which white space at its beginning is part of; then whether it ends
    ///     with one. Without preprocessing, it stays as it is.
    ///   - output: Where to write.
    /// - Returns: The length in bytes.
    mutating func process(
        piece: UnsafeBufferPointer<UInt8>, afterSpace: inout Bool, into output: UnsafeMutablePointer<UInt8>
    ) -> Int {
        restart(afterSpace: afterSpace)
        var written = process(piece, into: output)
        written += finish(into: output + written)
        afterSpace = isAfterSpace == 1
        return written
    }

    /// Writes the space that waits for something to follow it, where the text is the beginning of a longer one.
    mutating func finish(into output: UnsafeMutablePointer<UInt8>) -> Int {
        guard owesSpace else { return 0 }
        owesSpace = false
        output[0] = 0x20
        return 1
    }

    /// Writes the preprocessed form of the next piece of the text, and returns its length in bytes.
    mutating func process(
        _ piece: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var written = 0
        switch preprocessing {
        case .none:
            written = UnsafeMutableBufferPointer(start: output, count: piece.count).update(
                fromContentsOf: piece)
        case .letters:
            squeeze(piece, 0..<piece.count, into: output, at: &written)
        case .lowercase:
            if owesSpace {
                output[0] = 0x20
                written = 1
            }
            if isBytewise {
                squeeze(piece, 0..<piece.count, into: output, at: &written)
            } else {
                lowercaseScalars(of: piece, into: output, at: &written)
            }
            // White space at the end of the text is dropped, and this may be the end.
            owesSpace = written > 0 && output[written - 1] == 0x20
            if owesSpace { written -= 1 }
        }
        return written
    }

    /// Maps bytes and leaves out every space after a space, without a branch.
    private mutating func squeeze(
        _ piece: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into output: UnsafeMutablePointer<UInt8>,
        at written: inout Int
    ) {
        var count = written
        var after = isAfterSpace
        mapping.withUnsafeBufferPointer { mapping in
            for index in range {
                let byte = mapping[Int(piece[index])]
                output[count] = byte
                let isSpace = byte == 0x20 ? 1 : 0
                count &+= 1 &- (isSpace & after)
                after = isSpace
            }
        }
        written = count
        isAfterSpace = after
    }

    private mutating func lowercaseScalars(
        of piece: UnsafeBufferPointer<UInt8>, into output: UnsafeMutablePointer<UInt8>, at written: inout Int
    ) {
        var index = 0
        while index < piece.count {
            let end = piece.asciiRunEnd(from: index)
            squeeze(piece, index..<end, into: output, at: &written)
            index = end
            while index < piece.count, piece[index] >= 0x80 {
                let scalar = piece.nextScalar(at: &index)
                var packed = lowercase[scalar]
                if packed == 0 {
                    packed = packedBytes(of: rules.outcome(ofScalar: scalar))
                    lowercase[scalar] = packed
                }
                UnsafeMutableRawPointer(output + written)
                    .storeBytes(of: UInt64(packed).littleEndian, as: UInt64.self)
                let isSpace = packed == Self.packedSpace ? 1 : 0
                written += packed >> 56 - (isSpace & isAfterSpace)
                isAfterSpace = isSpace
            }
        }
    }

    private static let packedSpace = 1 << 56 | 0x20

    /// Up to seven bytes of UTF-8, the first one lowest, with their number in the highest byte.
    private func packedBytes(of outcome: PreprocessingRules.Outcome) -> Int {
        let scalars: [UInt32]
        switch outcome {
        case .separator: return Self.packedSpace
        case .unit(let value): scalars = [value]
        case .several(let values): scalars = values
        }
        let bytes = scalars.compactMap(Unicode.Scalar.init).flatMap { UTF8.encode($0) ?? .init() }.prefix(7)
        var packed = bytes.count << 56
        for (index, byte) in bytes.enumerated() { packed |= Int(byte) << (8 * index) }
        return packed
    }
}
