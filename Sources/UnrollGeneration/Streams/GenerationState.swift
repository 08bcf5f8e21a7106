import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// A text that a model has read, as what the model knows of it.
///
/// It is a value of constant size, however long the text: it can be copied, kept, saved, and gone on from as often as
/// one likes, in many tasks at once.
///
/// ```swift
/// let letter = try model.state(after: "Dear ")
/// for try await piece in model.generate(from: letter, options: .init(seed: 1)) { print(piece, terminator: "") }
/// for try await piece in model.generate(from: letter, options: .init(seed: 2)) { print(piece, terminator: "") }
/// ```
public struct GenerationState: Sendable, Equatable {
    /// How many of the last tokens it remembers, for what penalizes repetition.
    public static let recentTokenLimit = 256

    /// Tokens read so far.
    public internal(set) var tokenCount = 0
    /// The network's memory, of one text.
    public internal(set) var recurrentState: RecurrentState
    /// What the model expects next: the logits of all tokens, `[V]`.
    public internal(set) var logits: [Float] = []
    /// The last tokens, the latest last.
    public var recentTokens: [Int32] { tokens.suffix(Self.recentTokenLimit) }
    /// These and as many before them at most, so that few have to be moved.
    var tokens: [Int32] = []
    /// What there is of a character that is not complete, and whether a space comes before the next word.
    var decoder = TextDecoder.State()

    init(zerosFor configuration: ModelConfiguration) {
        recurrentState = RecurrentState(zerosFor: configuration)
    }

    /// Reads one more token with an engine that holds the state already, and leaves it there.
    mutating func read(_ token: Int32, with engine: CPUEngine) throws(EngineError) {
        try engine.advance(token, logits: &logits)
        note(token)
    }

    /// Counts and remembers a token that was read.
    mutating func note(_ token: Int32) {
        tokenCount += 1
        if tokens.count == 2 * Self.recentTokenLimit { tokens.removeFirst(Self.recentTokenLimit) }
        tokens.append(token)
    }

    /// Refuses a state of another model, as far as that can be seen.
    func check(for model: LanguageModel) throws(GenerationError) {
        guard logits.count == model.vocabulary.count, recurrentState.fits(model.configuration) else {
            throw .stateOfAnotherModel
        }
    }
}

extension LanguageModel {
    /// Reads a text, by itself or after what was read before.
    ///
    /// The text is preprocessed as the model's own was; what its vocabulary lacks is read as `<unk>`
    /// (`vocabulary.encode` tells which).
    ///
    /// - Parameters:
    ///   - prompt: The text.
    ///   - earlier: What was read before it; nothing unless said otherwise.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: What to go on from.
    /// - Throws: `GenerationError` when there is nothing to read, or `earlier` is of another model;
    ///   `CancellationError` when the task is cancelled.
    public func state(
        after prompt: String, from earlier: GenerationState? = nil, precision: Precision = .float32,
        threads: Int? = nil
    ) throws -> GenerationState {
        try earlier?.check(for: self)
        var state = earlier ?? GenerationState(zerosFor: configuration)
        let tokens = vocabulary.encode(prompt).ids
        guard !tokens.isEmpty || earlier != nil else { throw GenerationError.emptyPrompt }
        guard !prompt.isEmpty else { return state }
        do {
            try engines(precision: precision).withEngine(threads: threads) { engine in
                try engine.restoreState(state.recurrentState)
                for token in tokens {
                    try Task.checkCancellation()
                    try state.read(token, with: engine)
                }
                engine.copyState(to: &state.recurrentState)
            }
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
        state.decoder = TextDecoder.State(after: prompt, kind: vocabulary.kind)
        return state
    }
}
