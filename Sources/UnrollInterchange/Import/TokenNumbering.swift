import UnrollText

/// A vocabulary, and the ids that another program has given its tokens.
struct TokenNumbering: Equatable {
    let vocabulary: Vocabulary
    /// The other program's id of each token; nil for `<unk>` where that program has no such token.
    let rows: [Int?]

    /// What other programs call the token that stands for unknown ones.
    static let unknownTokens: Set<String> = ["<unk>", "<UNK>", "[UNK]", "<oov>", "<OOV>", "<|unk|>"]

    init(vocabulary: Vocabulary, rows: [Int?]) {
        (self.vocabulary, self.rows) = (vocabulary, rows)
    }

    /// Numbers tokens in the order of their ids: characters if each is one, else words.
    ///
    /// - Throws: `ImportError.unsupportedToken` for a token that is neither, or there twice.
    init(_ tokens: [String]) throws(ImportError) {
        let unknown = tokens.indices.filter { Self.unknownTokens.contains(tokens[$0]) }
        if unknown.count > 1 { throw .unsupportedToken(id: unknown[1], tokens[unknown[1]]) }
        let others = tokens.indices.filter { !unknown.contains($0) }
        let areCharacters = others.allSatisfy { tokens[$0].unicodeScalars.count == 1 }
        let isWord = { (token: String) in
            !token.isEmpty && !token.unicodeScalars.contains { $0.properties.isWhitespace }
        }
        if !areCharacters, let stranger = others.first(where: { !isWord(tokens[$0]) }) {
            // Among characters the longer token is the strange one, among words the white space.
            let longer = others.filter { tokens[$0].unicodeScalars.count != 1 }
            let strange = longer.count * 2 < others.count ? longer.first ?? stranger : stranger
            throw .unsupportedToken(id: strange, tokens[strange])
        }
        rows = [unknown.first] + others
        do throws(TextError) {
            vocabulary = try Vocabulary(
                tokens: ["<unk>"] + others.map { tokens[$0] }, kind: areCharacters ? .characters : .words)
        } catch {
            var seen: Set<[UInt8]> = []
            let twin = others.first { !seen.insert(Array(tokens[$0].utf8)).inserted } ?? 0
            throw .unsupportedToken(id: twin, tokens[twin])
        }
    }

    /// The tokens in the order of their ids, which are all numbers from 0; nil for other numbers.
    static func tokens(byID pairs: [(token: String, id: Int)]) -> [String]? {
        var tokens = [String?](repeating: nil, count: pairs.count)
        for (token, id) in pairs {
            guard tokens.indices.contains(id), tokens[id] == nil else { return nil }
            tokens[id] = token
        }
        return tokens.isEmpty ? nil : tokens.compactMap(\.self)
    }
}
