import Foundation
import UnrollModel
import UnrollText

/// The nats per token of simple models on a text, to compare a network's with.
package struct Baselines: Sendable, Equatable {
    /// Whether the figures are of a held-out text, not of the training text itself.
    package let isHeldOut: Bool
    /// The model with equal probabilities for all `V` tokens.
    package let uniform: Double
    /// The model with the frequencies of the tokens.
    package let unigram: Double
    /// The model of a token after the four before it; nil without a held-out text, as it memorizes the training text.
    package let fiveGram: Double?
    /// What the held-out text adds to the training text compressed by `xz`; nil without a held-out text or `xz`.
    package let xz: Double?
    /// The number of counted tokens at the end of the training text; nil if all were counted.
    package let countedTokens: Int?
    /// The mean number of bytes of a held-out token; nil without a held-out text, or if tokens do not determine its bytes.
    package let bytesPerToken: Double?

    /// The greatest number of counted tokens.
    ///
    /// Earlier ones of a large text cost seconds and change little.
    static let maximumTraining = 2_000_000
    /// The greatest number of held-out tokens.
    static let maximumHeldOut = 200_000

    /// Counts a training text.
    package init(training: Corpus) {
        let vocabularySize = training.vocabulary.count
        let tokens = Self.counted(training.tokens, vocabularySize: vocabularySize)
        isHeldOut = false
        uniform = log(Double(vocabularySize))
        unigram = UnigramModel(of: tokens, vocabularySize: vocabularySize).entropy
        fiveGram = nil
        xz = nil
        countedTokens = tokens.count < training.tokens.count ? tokens.count : nil
        bytesPerToken = nil
    }

    /// Counts a training text and scores a held-out text with the same vocabulary.
    package init(training: Corpus, heldOut: Corpus) async {
        let vocabulary = training.vocabulary
        let tokens = Self.counted(training.tokens, vocabularySize: vocabulary.count)
        let others = Self.known(
            heldOut.tokens.part(0..<min(heldOut.tokens.count, Self.maximumHeldOut)),
            vocabularySize: vocabulary.count)
        async let xz = Self.xz(training: tokens, heldOut: others, vocabulary: vocabulary)
        isHeldOut = true
        uniform = log(Double(vocabulary.count))
        unigram = UnigramModel(of: tokens, vocabularySize: vocabulary.count).nats(of: others)
        // Order 5 is a possible one.
        fiveGram = try? NGramModel(of: tokens, vocabularySize: vocabulary.count, order: 5).nats(of: others)
        countedTokens = tokens.count < training.tokens.count ? tokens.count : nil
        let sizes = (0..<Int32(vocabulary.count)).map { vocabulary.bytes(of: $0).count }
        let byteCount = others.reduce(0) { $0 + sizes[Int($1)] }
        bytesPerToken =
            vocabulary.determinesBytes && !others.isEmpty ? Double(byteCount) / Double(others.count) : nil
        self.xz = await xz
    }

    /// The last tokens of a training text, which the held-out text follows.
    private static func counted(_ tokens: TokenIDs, vocabularySize: Int) -> TokenIDs {
        known(
            tokens.part(max(0, tokens.count - maximumTraining)..<tokens.count), vocabularySize: vocabularySize
        )
    }

    /// The same tokens, but ids outside the vocabulary, which a damaged cache may hold, are the unknown token's.
    private static func known(_ tokens: TokenIDs, vocabularySize: Int) -> TokenIDs {
        let isKnown = { (id: Int32) in (0..<vocabularySize).contains(Int(id)) }
        if tokens.allSatisfy(isKnown) { return tokens }
        return TokenIDs(tokens.map { isKnown($0) ? $0 : Vocabulary.unknownID })
    }

    /// The nats per token of a held-out text after the compressor has read the training text.
    private static func xz(training: TokenIDs, heldOut: TokenIDs, vocabulary: Vocabulary) async -> Double? {
        let separator: [UInt8] = vocabulary.kind == .words ? [0x20] : []
        let known = (0..<Int32(vocabulary.count)).map { vocabulary.bytes(of: $0) + separator }
        let before = training.flatMap { known[Int($0)] }
        async let whole = XZ.compressedSize(of: before + heldOut.flatMap { known[Int($0)] })
        guard let part = XZ.compressedSize(of: before), let whole = await whole else { return nil }
        return Double(whole - part) * 8 * log(2) / Double(heldOut.count)
    }
}
