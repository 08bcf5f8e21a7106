/// Preprocesses a text that comes in pieces, as if it came whole.
struct Preprocessor {
    /// No piece grows by more than this factor: a scalar of two bytes or more becomes seven at most.
    static let maximumGrowth = 4
    /// Scalars are written eight bytes at a time.
    static let slack = 8

    private let preprocessing: Preprocessing
    /// Whether bytes stand for themselves, so that those of no ASCII character are not looked into.
    private let isBytewise: Bool
    /// What a byte becomes; everything that separates becomes a space.
    private let mapping: [UInt8]
    /// What a scalar beyond ASCII becomes in lower case, once it has been looked up.
    private var lowercase = ScalarTable()
    /// 1 when a space would follow a space, or the beginning of a text whose ends are stripped.
    private var isAfterSpace: Int
    /// Whether a space at the end of the last piece waits for something to follow it.
    private var owesSpace = false

    init(_ preprocessing: Preprocessing, kind: TokenKind) {
        self.preprocessing = preprocessing
        isBytewise = preprocessing == .letters || kind == .bytes
        isAfterSpace = preprocessing == .lowercase ? 1 : 0
        mapping = (0...UInt8.max).map { byte in
            switch byte {
            case 0x41...0x5A: byte + 0x20
            case 0x61...0x7A: byte
            case 0x20, 0x09...0x0D: 0x20
            default: preprocessing == .letters ? 0x20 : byte
            }
        }
    }

    /// Begins with another text.
    mutating func restart() {
        isAfterSpace = preprocessing == .lowercase ? 1 : 0
        owesSpace = false
    }

    /// Writes what the next piece of the text becomes, and returns its length in bytes.
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
                    packed = Self.packedLowercase(of: scalar)
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
    private static func packedLowercase(of value: UInt32) -> Int {
        guard let scalar = Unicode.Scalar(value), !scalar.properties.isWhitespace else { return packedSpace }
        var packed = 0
        var count = 0
        for byte in scalar.properties.lowercaseMapping.utf8.prefix(7) {
            packed |= Int(byte) << (8 * count)
            count += 1
        }
        return count << 56 | packed
    }
}
