import UnrollText

/// Turns tokens into text as they come: whole characters only, words with spaces between them.
struct TextDecoder {
    private let vocabulary: Vocabulary
    /// Bytes of a character that is not complete yet.
    private var pending: [UInt8] = []

    /// Whether a space goes before the next word.
    private var needsSpace: Bool

    init(_ vocabulary: Vocabulary, after prompt: String) {
        self.vocabulary = vocabulary
        needsSpace = vocabulary.kind == .words && prompt.last?.isWhitespace != true
    }

    /// The text that one more token completes, which may be empty.
    mutating func decode(_ token: Int32) -> String {
        if needsSpace { pending.append(UInt8(ascii: " ")) }
        needsSpace = vocabulary.kind == .words
        pending += vocabulary.bytes(of: token)
        let complete = pending.count - Self.incompleteSuffix(of: pending)
        defer { pending.removeFirst(complete) }
        return String(decoding: pending[..<complete], as: UTF8.self)
    }

    /// What is left at the end, faulty bytes replaced by U+FFFD.
    mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    /// How many bytes at the end begin a UTF-8 sequence that more bytes could complete.
    private static func incompleteSuffix(of bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let byte = bytes[bytes.count - length]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let needed =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            return needed > length ? length : 0
        }
        return 0
    }
}
