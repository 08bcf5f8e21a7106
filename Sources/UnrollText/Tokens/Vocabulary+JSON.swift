import Foundation
import UnrollBase

/// The contents of `vocabulary.json`.
extension Vocabulary {
    private static let format = FileSignature.vocabulary
    /// The version of vocabularies without merges, and that of those with merges.
    private static let versions = (plain: 1, merges: 2)

    private struct Header: Decodable {
        let format: String
        let version: Int
    }

    private struct Document: Codable {
        let format: String
        let version: Int
        let kind: TokenKind
        let preprocessing: Preprocessing
        let tokens: [String]
        /// The ids of the pairs that are merged, in order; nil unless tokens are subwords.
        let merges: [[Int32]]?
    }

    /// The vocabulary as JSON, with every token as `token(_:)` writes it, and with the merges of subwords.
    public func jsonData() throws -> Data {
        let encoder = JSONEncoder.unroll
        return try encoder.encode(
            Document(
                format: Self.format, version: subwords == nil ? Self.versions.plain : Self.versions.merges,
                kind: kind, preprocessing: preprocessing,
                tokens: table.indices.map { name(of: table[$0]) },
                merges: subwords?.merges.map { [$0.left, $0.right] }))
    }

    /// Reads what `jsonData()` wrote.
    ///
    /// - Throws: `invalidVocabulary`, or `unsupportedVocabularyVersion` for data of a later format.
    public init(jsonData: Data) throws(TextError) {
        let decoder = JSONDecoder()
        guard let header = try? decoder.decode(Header.self, from: jsonData), header.format == Self.format
        else {
            throw .invalidVocabulary(reason: "not a vocabulary that Unroll has written")
        }
        guard header.version == Self.versions.plain || header.version == Self.versions.merges else {
            throw .unsupportedVocabularyVersion(found: header.version, supported: Self.versions.merges)
        }
        guard let document = try? decoder.decode(Document.self, from: jsonData) else {
            throw .invalidVocabulary(reason: "kind, preprocessing or tokens are missing or unknown")
        }
        if document.kind == .subwords {
            try self.init(document)
        } else {
            try self.init(
                tokens: document.tokens, kind: document.kind, preprocessing: document.preprocessing)
        }
    }

    /// Numbers tokens that are written as `token(_:)` writes them, the first of them `<unk>`; they are not subwords.
    ///
    /// - Throws: `invalidVocabulary` if one of them is no token of this kind, or occurs twice.
    package init(
        tokens names: [String], kind: TokenKind, preprocessing: Preprocessing = .none
    ) throws(TextError) {
        try Self.checkUnknownToken(names)
        var tokens: [ArraySlice<UInt8>] = []
        for (id, name) in names.enumerated().dropFirst() {
            guard let bytes = Self.bytes(ofToken: name, kind: kind) else {
                throw .invalidVocabulary(
                    reason: "token \(id), \(name.debugDescription), is not one of \(kind.rawValue)")
            }
            tokens.append(bytes[...])
        }
        self.init(tokens: tokens, kind: kind, preprocessing: preprocessing)
        guard count == names.count else {
            throw .invalidVocabulary(reason: "a token occurs twice")
        }
    }

    private static func checkUnknownToken(_ names: [String]) throws(TextError) {
        guard names.first?.utf8.elementsEqual(unknownToken.utf8) == true else {
            throw .invalidVocabulary(reason: "token 0 is not \(unknownToken)")
        }
    }

    /// Makes the tokens of subwords by their merges, of which their names follow.
    private init(_ document: Document) throws(TextError) {
        try Self.checkUnknownToken(document.tokens)
        var encoding = BytePairEncoding()
        for (index, merge) in (document.merges ?? []).enumerated() {
            guard merge.count == 2, encoding.add(TokenPair(left: merge[0], right: merge[1])) != nil else {
                throw .invalidVocabulary(reason: "merge \(index) is not one of two tokens before it")
            }
        }
        self.init(subwords: encoding, preprocessing: document.preprocessing)
        guard document.tokens == table.indices.map({ name(of: table[$0]) }) else {
            throw .invalidVocabulary(reason: "the tokens are not those that the merges make")
        }
    }

    /// The bytes of a token as `token(_:)` writes it, or nil when it is not a single token.
    private static func bytes(ofToken token: String, kind: TokenKind) -> [UInt8]? {
        let utf8 = Array(token.utf8)
        switch kind {
        case .characters:
            return token.unicodeScalars.count == 1 ? utf8 : nil
        case .bytes:
            return byte(named: token).map { [$0] } ?? (utf8.count == 1 ? utf8 : nil)
        case .subwords:
            return nil
        case .words:
            let isWord = !utf8.isEmpty && !token.unicodeScalars.contains { $0.properties.isWhitespace }
            return isWord ? utf8 : nil
        }
    }
}
