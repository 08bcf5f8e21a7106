import Foundation

/// What a token cache holds beside the ids: which text they are of, how it was read, and what became of it.
struct TokenCacheHeader: Codable {
    /// Which text was read, and how.
    struct Origin: Codable, Equatable {
        /// The paths of the files and folders that were asked for.
        var inputs: [String]
        /// The files as they were found, in the order in which they were read; nil when they are not there any more.
        var files: [FileStamp]?
        var preprocessing: Preprocessing
        var kind: TokenKind
        /// Nil when the vocabulary was not made of this text.
        var minimumFrequency: Int?
        var limit: Int?
    }

    var origin: Origin
    var tokenCount: Int
    var bytesPerID: Int
    var byteCount: Int
    var characterCount: Int?
    var unknownCount: Int
    var fingerprint: UInt64
    /// The contents of a `vocabulary.json`.
    var vocabulary: Data
}
