/// The end of a text as far as it decides how the next piece is read, so that a text in pieces is read as at once.
package struct TextJoint: Sendable, Equatable {
    /// Whether the preprocessed text ends with a space, which white space at the beginning of the next piece is part of.
    package var isAfterSpace = false
    /// The preprocessed bytes of a word at the end, which the next piece may continue; empty unless tokens are words.
    package var openWord: [UInt8] = []

    /// The beginning of a text.
    package init() {}

    /// The end of a text whose last token was not read but generated: a whole word, or a character.
    package init(after token: Int32, in vocabulary: Vocabulary) {
        isAfterSpace = vocabulary.preprocessing != .none && vocabulary.bytes(of: token) == [0x20]
    }
}
