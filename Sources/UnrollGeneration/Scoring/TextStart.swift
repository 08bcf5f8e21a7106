import Foundation
import UnrollText

/// What a text is read after, so that its first token is predicted like all others.
struct TextStart: Sendable {
    /// The token of a line feed, or of the space that preprocessing makes of one.
    ///
    /// The vocabulary of words lacks it, and so may others: then all tokens are equally probable at the beginning.
    let separatorID: Int32?
    private let vocabularySize: Int

    init(_ tokenizer: Tokenizer, of vocabulary: Vocabulary) {
        separatorID = tokenizer.separatorID
        vocabularySize = vocabulary.count
    }

    /// The tokens at the beginning that the network does not predict, 0 or 1.
    var uniformCount: Int { separatorID == nil ? 1 : 0 }

    /// The surprisal of a token that is as probable as all others, and its entropy, in nats.
    var uniformSurprisal: Float { Float(log(Double(vocabularySize))) }

    /// The score of a text's first token if the network does not predict it.
    func score(ofFirstTokenOf text: TokenizedText) -> TokenScore? {
        guard separatorID == nil, let id = text.ids.first, let start = text.starts.first else { return nil }
        return TokenScore(id: id, surprisal: uniformSurprisal, entropy: uniformSurprisal, start: start)
    }
}
