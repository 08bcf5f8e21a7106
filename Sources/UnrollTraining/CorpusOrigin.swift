import UnrollText

/// Where a run's text came from and how it was read, so that it can be read again.
public struct CorpusOrigin: Sendable, Equatable, Codable {
    /// The path or the name of the text.
    public var source: String
    /// What was done to the text before it was cut into tokens.
    public var preprocessing: Preprocessing
    /// What one token is.
    public var tokens: TokenKind
    /// Tokens that occur less often are `<unk>`.
    public var minimumFrequency: Int
    /// How many tokens of the beginning were kept; nil for all.
    public var limit: Int?

    /// Describes a text.
    public init(
        source: String, preprocessing: Preprocessing, tokens: TokenKind, minimumFrequency: Int, limit: Int?
    ) {
        self.source = source
        self.preprocessing = preprocessing
        self.tokens = tokens
        self.minimumFrequency = minimumFrequency
        self.limit = limit
    }
}
