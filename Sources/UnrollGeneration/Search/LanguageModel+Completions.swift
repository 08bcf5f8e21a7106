import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Finds the most probable ends of a half-typed word, as keyboards and shells offer them.
    ///
    /// A word consists of letters, their marks and digits, and ends before anything else. After a text that does not end
    /// inside a word, the completions are whole words. No more probable completion is missed, unless the search reaches
    /// `stepLimit` first: then these are the best so far.
    ///
    /// Models of bytes take bytes beyond ASCII for letters. Models of words choose among the words that begin with what
    /// was typed, and the probabilities are shares of those. Models of subwords do so with the tokens that what was typed
    /// may be the beginning of; of a word that can be cut in several ways, the probabilities that were found add up.
    ///
    /// - Parameters:
    ///   - text: What was typed so far; its last word may be complete or not.
    ///   - count: The greatest number of completions. Default: 5.
    ///   - maximumLength: Tokens after which a word counts as ended. Default: 24.
    ///   - stepLimit: Tokens that may be read in search of completions. Default: 4096.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The completions, the most probable first.
    /// - Throws: What ``read(_:after:precision:threads:)`` throws, and `GenerationError.notANumber`.
    public func complete(
        _ text: String, count: Int = 5, maximumLength: Int = 24, stepLimit: Int = 4096,
        precision: Precision? = nil, threads: Int? = nil
    ) throws -> [Completion] {
        try complete(
            from: read(text, precision: precision, threads: threads), count: count,
            maximumLength: maximumLength, stepLimit: stepLimit, precision: precision, threads: threads)
    }

    /// Finds the most probable ends of a word, or next words, after what was read before; otherwise as those of a text.
    ///
    /// - Parameters:
    ///   - state: The result of ``read(_:after:precision:threads:)``.
    ///   - count: The greatest number of completions. Default: 5.
    ///   - maximumLength: Tokens after which a word counts as ended. Default: 24.
    ///   - stepLimit: Tokens that may be read in search of completions. Default: 4096.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The completions, the most probable first.
    /// - Throws: `GenerationError.stateOfAnotherModel` or `.notANumber`, `KernelError` when threads or memory are
    ///   unavailable, `CancellationError` when the task is canceled.
    public func complete(
        from state: GenerationState, count: Int = 5, maximumLength: Int = 24, stepLimit: Int = 4096,
        precision: Precision? = nil, threads: Int? = nil
    ) throws -> [Completion] {
        try state.check(for: self)
        guard count > 0 else { return [] }
        guard vocabulary.kind != .words else { return try words(from: state, count: count) }
        let parts = wordParts
        // Subwords of the end may be others, or one longer one, once the word is complete.
        let typed = vocabulary.kind == .subwords ? state.joint?.openWord ?? [] : []
        let start = state.beforeOpenWord?.prediction
        let logits = start?.logits ?? state.logits
        let last = typed.isEmpty ? state.recentTokens.last.map(vocabulary.bytes) ?? [] : typed
        var search = try CompletionSearch(
            parts, count: count, maximumLength: maximumLength,
            from: start?.recurrentState ?? state.recurrentState,
            // All tokens are equally probable at the beginning of a text.
            logits: logits.isEmpty ? [Float](repeating: 0, count: vocabulary.count) : logits,
            typed: typed, isWord: WordParts.endsInside(last))
        try withEngine(precision: precision, threads: threads) { engine in
            try search.run(on: engine, stepLimit: stepLimit)
        }
        return search.completions
    }

    /// The most probable words, which are the tokens, that begin like the word at the end.
    private func words(from state: GenerationState, count: Int) throws(GenerationError) -> [Completion] {
        let typed = state.joint?.openWord ?? []
        let logits = state.beforeOpenWord?.prediction.logits ?? state.logits
        // All words are equally probable at the beginning of a text.
        let logProbabilities = try LogProbabilities.of(
            logits.isEmpty ? ArraySlice(repeating: 0, count: vocabulary.count) : logits[...])
        let words = (1..<Int32(vocabulary.count)).compactMap { token in
            let word = vocabulary.bytes(of: token)
            return word.starts(with: typed)
                ? Completion(
                    text: String(decoding: word.dropFirst(typed.count), as: UTF8.self),
                    probability: exp(logProbabilities[Int(token)])) : nil
        }
        let total = words.reduce(0) { $0 + $1.probability }
        var best: [Completion] = []
        for word in words { best.insert(word, keeping: count) { $0.probability } }
        return best.map { Completion(text: $0.text, probability: $0.probability / total) }
    }
}

/// One way in which a half-typed word may end.
public struct Completion: Sendable, Equatable, CustomStringConvertible {
    /// The rest of the word; empty if the word is complete already.
    public var text: String
    /// The probability of this rest, with an end of the word after it.
    public var probability: Double

    /// Creates a completion.
    public init(text: String, probability: Double) {
        self.text = text
        self.probability = probability
    }

    /// Text and probability in one line.
    public var description: String { "\(text.debugDescription) (\(NumberFormat.significant(probability)))" }
}
