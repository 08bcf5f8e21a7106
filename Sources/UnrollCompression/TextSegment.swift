/// A piece of a text that is coded as one token, and as what its bytes are where the token does not say it.
struct TextSegment {
    /// The token that the model reads; `<unk>` is the escape for bytes that the vocabulary has no token for.
    let token: Int32
    /// How many bytes of the text it stands for, 1 at least.
    let length: Int32

    /// Longer pieces are cut.
    static let maximumLength = 4096
}
