/// The end of a text as far as it decides how the next piece is read, so that a text in pieces is read as at once.
package struct TextJoint: Sendable, Equatable {
    /// Whether the preprocessed text ends with a space, which white space at the beginning of the next piece is part of.
    package var isAfterSpace = false
    /// The preprocessed bytes at the end whose tokens the next piece may change; empty unless tokens are words or subwords.
    ///
    /// Of words, it is a word that may go on; of subwords, the bytes from the beginning of a pre-token that may.
    package var openWord: [UInt8] = []

    /// The beginning of a text.
    package init() {}

    /// The end of a text whose last token was not read but generated: a whole word, a character or a subword.
    package init(after token: Int32, in vocabulary: Vocabulary) {
        isAfterSpace = vocabulary.preprocessing != .none && vocabulary.bytes(of: token) == [0x20]
    }
}
