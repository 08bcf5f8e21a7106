import Foundation
import UnrollText

/// What simple models make of a text, in nats per token: the figures that a network's are read beside.
package struct Baselines: Sendable, Equatable {
    /// Whether the figures are of a held-out text; those of the training text itself otherwise.
    package let isHeldOut: Bool
    /// All `V` tokens alike.
    package let uniform: Double
    /// As often as each occurs.
    package let unigram: Double
    /// After the four tokens before it; nil when nothing is held out, since it knows the training text by heart.
    package let fiveGram: Double?
    /// What the held-out text adds to the compressed training text; nil when nothing is held out, or no `xz` installed.
    package let xz: Double?
    /// The tokens at the end of the training text that were counted, when those were not all.
    package let countedTokens: Int?

    /// The most tokens that are counted: what lies further back in a large text costs seconds and changes little.
    static let maximumTraining = 2_000_000
    /// The most held-out tokens that are looked at.
    static let maximumHeldOut = 200_000

    /// Counts a text of which nothing is held out.
    package init(training: Corpus) {
        let vocabularySize = training.vocabulary.count
        let tokens = Self.counted(training.tokens, vocabularySize: vocabularySize)
        isHeldOut = false
        uniform = log(Double(vocabularySize))
        unigram = UnigramModel(of: tokens, vocabularySize: vocabularySize).entropy
        fiveGram = nil
        xz = nil
        countedTokens = tokens.count < training.tokens.count ? tokens.count : nil
    }

    /// Counts a training text, and sees what that says of a held-out text with the same vocabulary.
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
        fiveGram = NGramModel(of: tokens, vocabularySize: vocabulary.count).nats(of: others)
        countedTokens = tokens.count < training.tokens.count ? tokens.count : nil
        self.xz = await xz
    }

    /// The last tokens of a training text, which a held-out text goes on from.
    private static func counted(_ tokens: TokenIDs, vocabularySize: Int) -> TokenIDs {
        known(
            tokens.part(max(0, tokens.count - maximumTraining)..<tokens.count), vocabularySize: vocabularySize
        )
    }

    /// The same tokens; ids of none, which a damaged cache may hold and an engine refuses, are unknown ones.
    private static func known(_ tokens: TokenIDs, vocabularySize: Int) -> TokenIDs {
        let isKnown = { (id: Int32) in (0..<vocabularySize).contains(Int(id)) }
        if tokens.allSatisfy(isKnown) { return tokens }
        return TokenIDs(tokens.map { isKnown($0) ? $0 : Vocabulary.unknownID })
    }

    /// The nats per token that a held-out text takes when the compressor has read the training text before it.
    private static func xz(training: TokenIDs, heldOut: TokenIDs, vocabulary: Vocabulary) async -> Double? {
        let separator: [UInt8] = vocabulary.kind == .words ? [0x20] : []
        let known = (0..<Int32(vocabulary.count)).map { vocabulary.bytes(of: $0) + separator }
        let before = training.flatMap { known[Int($0)] }
        async let whole = XZ.compressedSize(of: before + heldOut.flatMap { known[Int($0)] })
        guard let part = XZ.compressedSize(of: before), let whole = await whole else { return nil }
        return Double(whole - part) * 8 * log(2) / Double(heldOut.count)
    }
}
