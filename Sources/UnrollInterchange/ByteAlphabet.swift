/// The characters that stand for bytes in the tokens of Hugging Face's `tokenizers`, as in GPT-2: those that Latin-1 prints
/// for themselves, the others by the characters from U+0100 on.
enum ByteAlphabet {
    /// The character of each byte.
    static let letters: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? Unicode.Scalar(byte)
            }
        }
    }()

    private static let bytes = Dictionary(
        uniqueKeysWithValues: zip(letters, UInt8.min...UInt8.max))

    /// The token of these bytes.
    static func token(of bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { letters[Int($0)] }))
    }

    /// The bytes that a token's characters stand for; nil for any other character.
    static func bytes(ofToken token: String) -> [UInt8]? {
        let bytes = token.unicodeScalars.compactMap { Self.bytes[$0] }
        return bytes.count == token.unicodeScalars.count ? bytes : nil
    }
}
