import Foundation
import UnrollBase

/// The contents of `vocabulary.json`.
extension Vocabulary {
    private static let format = "unroll-vocabulary"
    private static let version = 1

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
    }

    /// The vocabulary as JSON, with every token as `token(_:)` writes it.
    public func jsonData() throws -> Data {
        let encoder = JSONEncoder.unroll
        return try encoder.encode(
            Document(
                format: Self.format, version: Self.version, kind: kind, preprocessing: preprocessing,
                tokens: table.indices.map { name(of: table[$0]) }))
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
        guard header.version == Self.version else {
            throw .unsupportedVocabularyVersion(found: header.version, supported: Self.version)
        }
        guard let document = try? decoder.decode(Document.self, from: jsonData) else {
            throw .invalidVocabulary(reason: "kind, preprocessing or tokens are missing or unknown")
        }
        guard document.tokens.first?.utf8.elementsEqual(Self.unknownToken.utf8) == true else {
            throw .invalidVocabulary(reason: "token 0 is not \(Self.unknownToken)")
        }
        var tokens: [ArraySlice<UInt8>] = []
        for (id, token) in document.tokens.enumerated().dropFirst() {
            guard let bytes = Self.bytes(ofToken: token, kind: document.kind) else {
                throw .invalidVocabulary(
                    reason: "token \(id), \(token.debugDescription), is not one of \(document.kind.rawValue)")
            }
            tokens.append(bytes[...])
        }
        self.init(tokens: tokens, kind: document.kind, preprocessing: document.preprocessing)
        guard count == document.tokens.count else {
            throw .invalidVocabulary(reason: "a token occurs twice")
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
        case .words:
            let isWord = !utf8.isEmpty && !token.unicodeScalars.contains { $0.properties.isWhitespace }
            return isWord ? utf8 : nil
        }
    }
}
