import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// What a model knows after reading a text.
///
/// It is a value of constant size, however long the text: it can be copied, kept, saved, and continued from any number of
/// times, in many tasks at once.
///
/// ```swift
/// let letter = try model.read("Dear ")
/// for try await piece in model.generate(from: letter, options: .init(seed: 1)) { print(piece, terminator: "") }
/// for try await piece in model.generate(from: letter, options: .init(seed: 2)) { print(piece, terminator: "") }
/// ```
public struct GenerationState: Sendable, Equatable {
    /// The number of last tokens that it remembers, for the repetition penalty.
    public static let recentTokenLimit = TokenChoice.recentTokenLimit

    /// Tokens read so far.
    public internal(set) var tokenCount = 0
    /// The network's memory, of one text.
    public internal(set) var recurrentState: RecurrentState
    /// The logits of the next token, `[V]`.
    public internal(set) var logits: [Float] = []
    /// The last tokens, the latest last.
    public var recentTokens: [Int32] { tokens.suffix(Self.recentTokenLimit) }
    /// These and at most as many before them, so that few have to be moved.
    var tokens: [Int32] = []
    /// The bytes of a character that is not complete, and whether a space comes before the next word.
    var decoder = TextDecoder.State()
    /// What the next piece of the text follows; nil after a generated token, which tells it by itself.
    var joint: TextJoint?
    /// What was there before the word at the end, or before the subwords of it, which the next piece may continue.
    var beforeOpenWord: Earlier?

    /// What the network remembers and expects.
    struct Prediction: Sendable, Equatable {
        var recurrentState: RecurrentState
        /// The logits of the next token, `[V]`; empty at the beginning of the text.
        var logits: [Float]
    }

    /// An earlier moment of the same text.
    struct Earlier: Sendable, Equatable {
        var prediction: Prediction
        var tokenCount: Int
        var tokens: [Int32]
    }

    /// The memory that its numbers take, in bytes.
    package var byteCount: Int {
        func bytes(_ state: RecurrentState, _ logits: [Float], _ tokens: [Int32]) -> Int {
            let numbers = state.tensors.entries.reduce(0) { $0 + $1.values.count }
            return 4 * (numbers + logits.count + tokens.count)
        }
        let earlier = beforeOpenWord.map {
            bytes($0.prediction.recurrentState, $0.prediction.logits, $0.tokens)
        }
        return bytes(recurrentState, logits, tokens) + (earlier ?? 0)
    }

    init(zerosFor configuration: ModelConfiguration) {
        recurrentState = RecurrentState(zerosFor: configuration)
    }

    /// Reads one more token with an engine that holds the state already, and leaves it there.
    mutating func read(_ token: Int32, with engine: any Engine) throws {
        try engine.advance(token, logits: &logits)
        note(token)
    }

    /// Counts and remembers a token that was read.
    mutating func note(_ token: Int32) {
        tokenCount += 1
        if tokens.count == 2 * Self.recentTokenLimit { tokens.removeFirst(Self.recentTokenLimit) }
        tokens.append(token)
        joint = nil
        beforeOpenWord = nil
    }

    /// What the next piece of the text follows.
    func joint(in vocabulary: Vocabulary) -> TextJoint {
        joint ?? TextJoint(after: tokens.last ?? Vocabulary.unknownID, in: vocabulary)
    }

    /// Takes back the word at the end, which the next piece may continue.
    mutating func reopenWord() {
        guard let before = beforeOpenWord else { return }
        recurrentState = before.prediction.recurrentState
        logits = before.prediction.logits
        tokenCount = before.tokenCount
        tokens = before.tokens
        beforeOpenWord = nil
    }

    /// Refuses a state of another model, as far as that shows.
    func check(for model: LanguageModel) throws(GenerationError) {
        guard logits.count == model.vocabulary.count, recurrentState.fits(model.configuration) else {
            throw .stateOfAnotherModel
        }
    }
}

extension LanguageModel {
    /// Reads a text, by itself or after what was read before.
    ///
    /// A text that is read in pieces gives the same state as the whole text read at once. So nothing is stripped at the
    /// ends of a piece, white space joins that before it where preprocessing squeezes it, and a word goes on in the next
    /// piece: of words, the state after "the ca" predicts what follows the word "ca", and reading "t sat" then makes it
    /// "cat". The subwords of an open end are taken back likewise. A token that was generated is complete.
    ///
    /// Otherwise the text is preprocessed as the model's own was. What its vocabulary lacks is read as `<unk>`
    /// (`vocabulary.encode(prompt:)` tells which).
    ///
    /// - Parameters:
    ///   - text: The text, or the next piece of it.
    ///   - earlier: The state after what was read before. Default: nothing.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The state after the text, to continue from.
    /// - Throws: `GenerationError.emptyPrompt` when there is nothing to read, `.stateOfAnotherModel`; `KernelError` when
    ///   threads or memory are unavailable; `CancellationError` when the task is canceled.
    public func read(
        _ text: String, after earlier: GenerationState? = nil, precision: Precision? = nil,
        threads: Int? = nil
    ) throws -> GenerationState {
        try earlier?.check(for: self)
        if text.isEmpty, let earlier { return earlier }
        var state = earlier ?? GenerationState(zerosFor: configuration)
        var joint = earlier.map { $0.joint(in: vocabulary) }
        let tokens = vocabulary.encode(piece: text, after: &joint).ids
        guard !tokens.isEmpty || earlier != nil else { throw GenerationError.emptyPrompt }
        state.reopenWord()
        var before: GenerationState.Earlier?
        let openCount = vocabulary.tokens(ofOpenEnd: joint).count
        try engines(precision: precision).withEngine(threads: threads) { engine in
            try engine.restoreState(state.recurrentState)
            for (index, token) in tokens.enumerated() {
                try Task.checkCancellation()
                if openCount > 0, index == tokens.count - openCount {
                    try engine.copyState(to: &state.recurrentState)
                    before = .init(
                        prediction: .init(recurrentState: state.recurrentState, logits: state.logits),
                        tokenCount: state.tokenCount, tokens: state.tokens)
                }
                try state.read(token, with: engine)
            }
            try engine.copyState(to: &state.recurrentState)
        }
        state.joint = joint
        state.beforeOpenWord = before
        state.decoder = TextDecoder.State(after: text, kind: vocabulary.kind)
        return state
    }
}
