import UnrollText

/// Where a run's text came from and how it was read, so that it can be read again.
public struct CorpusOrigin: Sendable, Equatable, Codable {
    /// The paths or the names of the texts, files or folders, in their order; at least one.
    public var sources: [String] {
        get { [source] + (furtherSources ?? []) }
        set {
            source = newValue.first ?? ""
            furtherSources = newValue.count > 1 ? Array(newValue.dropFirst()) : nil
        }
    }
    private var source = ""
    /// Nil for a single text: records of runs from before there could be several have no such key, and keep their seal.
    private var furtherSources: [String]?
    /// What was done to the text before it was cut into tokens.
    public var preprocessing: Preprocessing
    /// What one token is.
    public var tokens: TokenKind
    /// Tokens that occur less often are `<unk>`.
    public var minimumFrequency: Int
    /// How many tokens of the beginning were kept; nil for all.
    public var limit: Int?
    /// The path of the text to validate on, if it is one of its own.
    public var validationSource: String?
    /// The path of the text to test on, if it is one of its own.
    public var testSource: String?

    /// Describes a text.
    public init(
        sources: [String], preprocessing: Preprocessing, tokens: TokenKind, minimumFrequency: Int,
        limit: Int?,
        validationSource: String? = nil, testSource: String? = nil
    ) {
        self.preprocessing = preprocessing
        self.tokens = tokens
        self.minimumFrequency = minimumFrequency
        self.limit = limit
        self.validationSource = validationSource
        self.testSource = testSource
        self.sources = sources
    }
}
