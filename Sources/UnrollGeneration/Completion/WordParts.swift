import UnrollText

/// Which tokens stand inside a word: those of letters, their marks, and digits.
///
/// Of bytes, those beyond ASCII do, too, since most scripts are written with them.
struct WordParts: Sendable {
    /// A token, and what it adds to the word.
    struct Part: Sendable {
        let token: Int32
        let bytes: [UInt8]
    }

    let inside: [Part]
    /// Tokens that end a word; `<unk>` is neither.
    let outside: [Int32]

    init(_ vocabulary: Vocabulary) {
        let parts = (1..<Int32(max(vocabulary.count, 1))).map { token in
            Part(token: token, bytes: vocabulary.bytes(of: token))
        }
        inside = parts.filter { Self.isInside($0.bytes) }
        outside = parts.filter { !Self.isInside($0.bytes) }.map(\.token)
    }

    /// Whether a text whose last token is this breaks off inside a word, or at its end.
    func isInside(_ token: Int32) -> Bool {
        inside.contains { $0.token == token }
    }

    private static func isInside(_ bytes: [UInt8]) -> Bool {
        if bytes.count == 1, bytes[0] >= 0x80 { return true }
        guard let scalar = String(decoding: bytes, as: UTF8.self).unicodeScalars.first else { return false }
        let category = scalar.properties.generalCategory
        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            || [.nonspacingMark, .spacingMark, .enclosingMark].contains(category)
    }
}
