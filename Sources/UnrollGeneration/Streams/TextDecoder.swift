import UnrollText

/// Turns tokens into text as they come: whole characters only, words with spaces between them.
struct TextDecoder: Sendable {
    /// What is needed of earlier tokens.
    struct State: Sendable, Equatable {
        /// Bytes of a character that is not complete yet.
        var pending: [UInt8] = []
        /// Whether a space goes before the next word.
        var needsSpace = false

        init(pending: [UInt8] = [], needsSpace: Bool = false) {
            self.pending = pending
            self.needsSpace = needsSpace
        }

        /// The state after a text.
        init(after text: String, kind: TokenKind) {
            needsSpace = kind == .words && text.unicodeScalars.last?.properties.isWhitespace != true
        }
    }

    private let vocabulary: Vocabulary
    private(set) var state: State

    init(_ vocabulary: Vocabulary, _ state: State) {
        self.vocabulary = vocabulary
        self.state = state
    }

    /// Decodes a token of which so many bytes were there before.
    ///
    /// - Returns: The text that it completes, which may be empty; nil if nothing of it is new.
    mutating func decode(_ token: Int32, after known: Int) -> String? {
        guard known > 0 else { return decode(token) }
        let bytes = vocabulary.bytes(of: token).dropFirst(known)
        return bytes.isEmpty ? nil : decode(bytes)
    }

    /// The text that one more token completes, which may be empty.
    mutating func decode(_ token: Int32) -> String {
        if state.pending.isEmpty, !state.needsSpace, vocabulary.kind == .characters {
            return String(decoding: vocabulary.bytes(of: token), as: UTF8.self)
        }
        if state.needsSpace { state.pending.append(UInt8(ascii: " ")) }
        state.needsSpace = vocabulary.kind == .words
        return decode(vocabulary.bytes(of: token))
    }

    private mutating func decode(_ bytes: some Sequence<UInt8>) -> String {
        state.pending += bytes
        let complete = state.pending.withUnsafeBufferPointer { $0.lastScalarBoundary() }
        defer { state.pending.removeFirst(complete) }
        return String(decoding: state.pending[..<complete], as: UTF8.self)
    }

    /// The remaining text at the end, invalid bytes replaced by U+FFFD; the bytes stay, as they may be completed later.
    func finish() -> String {
        String(decoding: state.pending, as: UTF8.self)
    }
}
