import UnrollText

/// Tokens that are never chosen: `<unk>`, and what the options name.
struct TokenBans {
    private let banned: [Int32]
    private let vocabularySize: Int

    init(_ names: Set<String>, in vocabulary: Vocabulary) throws(GenerationError) {
        var banned: Set<Int32> = [Vocabulary.unknownID]
        for name in names.sorted() {
            guard let token = vocabulary.id(of: name) else {
                throw .unknownToken(name, kind: vocabulary.kind)
            }
            banned.insert(token)
        }
        guard banned.count < vocabulary.count else { throw .nothingToChoose }
        self.banned = banned.sorted()
        vocabularySize = vocabulary.count
    }

    /// All other tokens.
    var allowed: [Int32] {
        let banned = Set(banned)
        return (0..<Int32(vocabularySize)).filter { !banned.contains($0) }
    }

    func apply(to scores: inout [Double]) {
        for token in banned { scores[Int(token)] = -.infinity }
    }
}
