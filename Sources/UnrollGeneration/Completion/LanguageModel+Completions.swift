import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Finds the most probable ends of a half-typed word, as keyboards and shells offer them.
    ///
    /// A word goes on with letters, their marks and digits, and ends before anything else; after a text that does not end
    /// inside a word it is the next word as a whole. No completion that is more probable is missed, unless the search
    /// comes to `stepLimit` first: then these are the best so far.
    ///
    /// Models of bytes take bytes beyond ASCII for letters. Models of words choose among the words that begin with what
    /// was typed, and the probabilities are shares of those.
    ///
    /// - Parameters:
    ///   - text: What was typed so far, of which the last word may be complete or not.
    ///   - count: How many completions there are at most.
    ///   - maximumLength: Tokens after which a word counts as ended.
    ///   - stepLimit: Tokens that may be read in search of completions.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The completions, the most probable first.
    /// - Throws: `GenerationError` when there is nothing to read, `CancellationError` when the task is cancelled.
    public func completions(
        of text: String, count: Int = 5, maximumLength: Int = 24, stepLimit: Int = 4096,
        precision: Precision = .float32, threads: Int? = nil
    ) throws -> [Completion] {
        guard vocabulary.kind == .words else {
            return try completions(
                from: state(after: text, precision: precision, threads: threads), count: count,
                maximumLength: maximumLength, stepLimit: stepLimit, precision: precision, threads: threads)
        }
        let begin = text.lastIndex(where: \.isWhitespace).map(text.index(after:)) ?? text.startIndex
        let typed = String(text[begin...])
        return try words(
            thatBeginWith: vocabulary.preprocessing == .none ? typed : typed.lowercased(),
            from: state(after: String(text[..<begin]), precision: precision, threads: threads), count: count)
    }

    /// Finds the most probable ends of a word, or next words, after what was read before; otherwise as those of a text.
    ///
    /// - Parameters:
    ///   - state: What `state(after:)` has given.
    ///   - count: How many completions there are at most.
    ///   - maximumLength: Tokens after which a word counts as ended.
    ///   - stepLimit: Tokens that may be read in search of completions.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The completions, the most probable first.
    /// - Throws: `GenerationError` when the state is another model's, `CancellationError` when the task is cancelled.
    public func completions(
        from state: GenerationState, count: Int = 5, maximumLength: Int = 24, stepLimit: Int = 4096,
        precision: Precision = .float32, threads: Int? = nil
    ) throws -> [Completion] {
        try state.check(for: self)
        guard count > 0 else { return [] }
        guard vocabulary.kind != .words else {
            return try words(thatBeginWith: "", from: state, count: count)
        }
        let parts = preparations.value { WordParts(vocabulary) }
        var search = try CompletionSearch(
            parts, count: count, maximumLength: maximumLength, from: state.recurrentState,
            logits: state.logits, isWord: state.recentTokens.last.map(parts.isInside) ?? false)
        do {
            try withEngine(precision: precision, threads: threads) { engine in
                try search.run(on: engine, stepLimit: stepLimit)
            }
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
        return search.completions
    }

    /// The most probable words, which are the tokens, that begin like this.
    private func words(
        thatBeginWith prefix: String, from state: GenerationState, count: Int
    ) throws(GenerationError) -> [Completion] {
        let logProbabilities = try LogProbabilities.of(state.logits[...])
        let words = (1..<Int32(vocabulary.count)).compactMap { token in
            vocabulary.token(token).flatMap { word in
                word.hasPrefix(prefix)
                    ? Completion(
                        text: String(word.dropFirst(prefix.count)),
                        probability: exp(logProbabilities[Int(token)])) : nil
            }
        }
        let total = words.reduce(0) { $0 + $1.probability }
        var best: [Completion] = []
        for word in words { best.insert(word, keeping: count) { $0.probability } }
        return best.map { Completion(text: $0.text, probability: $0.probability / total) }
    }
}
