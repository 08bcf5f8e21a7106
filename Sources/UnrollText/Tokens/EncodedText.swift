/// A text as token ids, with the tokens that its vocabulary lacks.
public struct EncodedText: Sendable, Equatable {
    /// The id of every token, `Vocabulary.unknownID` for unknown ones.
    public let ids: [Int32]
    /// The unknown tokens, each once, in the order of the text.
    public let unknownTokens: [String]
}
