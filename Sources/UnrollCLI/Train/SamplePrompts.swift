import Unroll

/// Two places of a text for the model to go on from, where a sentence begins if there is one.
struct SamplePrompts {
    let prompts: [String]

    /// Characters to begin with; about the length of the book's "time traveller".
    private static let length = 15
    /// Tokens in which to look for the beginning of a sentence.
    private static let reach = 600

    init(_ corpus: Corpus) {
        let tokens = corpus.tokens
        prompts = [tokens.count / 3, tokens.count * 2 / 3].compactMap { start in
            let ids = (start..<min(start + Self.reach, tokens.count)).map { tokens[$0] }
            let text = corpus.vocabulary.decode(ids)
            return Self.sentences(in: text).lazy.compactMap(Self.opening).first ?? Self.opening(of: text[...])
        }
    }

    /// The sentences after the first, which begins before the text does.
    private static func sentences(in text: String) -> [Substring] {
        text.split(whereSeparator: { ".!?\n。！？".contains($0) }).dropFirst().map { sentence in
            sentence.drop { !$0.isLetter }
        }
    }

    /// The first whole words of a sentence that is long enough, without line breaks; what is not words is cut.
    private static func opening(of sentence: Substring) -> String? {
        let line = sentence.prefix { !$0.isNewline }
        guard line.count > length else { return nil }
        let opening = line.prefix(length)
        let words = opening.lastIndex(of: " ").map { opening[..<$0] } ?? opening
        return words.isEmpty ? nil : String(words)
    }
}
