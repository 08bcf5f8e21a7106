/// How surprised a model was by one token of a text.
public struct TokenScore: Sendable, Equatable {
    /// The token's id; `Vocabulary.unknownID` stands for whatever the vocabulary lacks.
    public let id: Int32
    /// -ln p, in nats: how improbable the token was after all before it.
    ///
    /// A token that the vocabulary lacks has the probability of `<unk>`: that anything unknown comes.
    public let surprisal: Float
    /// The surprisal to be expected before the token came, the entropy of all that could have come, in nats.
    public let entropy: Float
    /// Where the token begins in the text, in bytes of UTF-8.
    public let start: Int

    /// Whether the vocabulary lacks the token.
    public var isUnknown: Bool { id == 0 }
}
