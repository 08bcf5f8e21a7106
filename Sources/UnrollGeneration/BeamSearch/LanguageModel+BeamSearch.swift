import UnrollBase
import UnrollEngine
import UnrollModel

extension LanguageModel {
    /// Looks for the most probable continuations of a prompt: the best of those that `width` beams come upon.
    ///
    /// All beams advance together, as one batch. With as many beams as there are continuations it is a search through all
    /// of them; with fewer, a better one may be missed. The probabilities are the model's own: what is banned is left
    /// out, and its share is not given to the others.
    ///
    /// - Parameters:
    ///   - prompt: What the model reads first.
    ///   - options: How widely to look, and how far.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: At most `width` hypotheses, by falling score.
    /// - Throws: `GenerationError` when options or prompt make no sense, `CancellationError` when the task is cancelled.
    public func beamSearch(
        after prompt: String, options: BeamSearchOptions = BeamSearchOptions(), threads: Int? = nil
    ) throws -> [Hypothesis] {
        let state = try state(after: prompt, precision: options.precision, threads: threads)
        return try beamSearch(from: state, options: options, threads: threads)
    }

    /// Looks for the most probable continuations of what was read before; otherwise as after a prompt.
    ///
    /// - Parameters:
    ///   - state: What `state(after:)` or the summary of a generation has given.
    ///   - options: How widely to look, and how far.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: At most `width` hypotheses, by falling score.
    /// - Throws: `GenerationError` when options make no sense or the state is another model's, `CancellationError` when
    ///   the task is cancelled.
    public func beamSearch(
        from state: GenerationState, options: BeamSearchOptions = BeamSearchOptions(), threads: Int? = nil
    ) throws -> [Hypothesis] {
        try options.check()
        try state.check(for: self)
        var search = try BeamSearch(options, vocabulary: vocabulary, after: state.decoder)
        do {
            return try withEngine(precision: options.precision, threads: threads) { engine in
                var logits = state.logits
                try engine.restoreState(state.recurrentState)
                while let step = try search.advance(logits) {
                    try Task.checkCancellation()
                    try engine.restoreState(engine.recurrentState.rows(step.rows))
                    try engine.advance(step.tokens, logits: &logits)
                }
                return search.results
            }
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
    }
}
