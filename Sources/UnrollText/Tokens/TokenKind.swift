/// What one token of a text is.
public enum TokenKind: String, CaseIterable, Codable, Sendable {
    /// A Unicode scalar.
    case characters
    /// A byte, whatever the encoding of the text.
    case bytes
    /// What stands between white space.
    case words
}
