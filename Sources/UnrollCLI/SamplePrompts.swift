import Unroll

/// Two places of a text for the model to go on from: its beginning and its middle.
struct SamplePrompts {
    let prompts: [String]

    /// About as long as the book's "time traveller".
    private static let length = 15

    init(_ corpus: Corpus) {
        let tokens = corpus.tokens
        let length = corpus.vocabulary.kind == .words ? 3 : Self.length
        prompts = [0, tokens.count / 2].compactMap { start in
            let ids = (start..<min(start + 4 * length, tokens.count)).map { tokens[$0] }
            let text = corpus.vocabulary.decode(ids)
            return Self.wholeWords(
                of: text, length: start == 0 ? length : 2 * length, startsInside: start > 0)
        }
    }

    /// A few whole words; the first is left out where the text begins inside it.
    private static func wholeWords(of text: String, length: Int, startsInside: Bool) -> String? {
        var words = text.split(whereSeparator: \.isWhitespace)
        if startsInside, words.count > 2 { words.removeFirst() }
        var prompt = ""
        for word in words where prompt.count < length / 2 || prompt.count + word.count < length {
            prompt += (prompt.isEmpty ? "" : " ") + word.prefix(length)
            if prompt.count >= length { break }
        }
        return prompt.isEmpty ? nil : prompt
    }
}
