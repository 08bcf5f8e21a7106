/// A text that the catalog knows: where it is, and how to tell that it has arrived whole.
public struct CorpusEntry: Sendable, Equatable {
    /// What a person types; also the name of the file in the cache, so it holds no slash.
    public let name: String
    /// Title, author and year.
    public let title: String
    /// The address to download from, `http` or `https`.
    public let url: String
    /// The size of the file in bytes.
    public let byteCount: Int
    /// The SHA-256 digest of the file, 64 hexadecimal digits in lower case.
    public let sha256: String
    /// One line on what may be done with the text.
    public let license: String

    /// Describes a text.
    public init(name: String, title: String, url: String, byteCount: Int, sha256: String, license: String) {
        self.name = name
        self.title = title
        self.url = url
        self.byteCount = byteCount
        self.sha256 = sha256
        self.license = license
    }
}
