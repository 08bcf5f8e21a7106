import UnrollEngine
import UnrollModel
import UnrollText

/// One text of a batch, without the network's step: which token is next, what is told of it, when it ends.
struct BatchRow: Sendable {
    /// A token whose text may still turn out to be part of a stop string.
    private struct HeldToken {
        let token: GeneratedToken
        /// Bytes of the text up to the end of the token.
        let end: Int
    }

    let feed: TextFeed
    private let model: LanguageModel
    private let request: GenerationRequest
    /// The state of the text; of the network's while it is part of a batch, the batch knows.
    private(set) var state: GenerationState
    /// The token that is to be read next.
    private(set) var next: Int32 = Vocabulary.unknownID
    /// Tokens of the prompt after that.
    private var unread: ArraySlice<Int32>
    private var lastToken: LastToken?
    /// Present once the prompt has been read.
    private var continuation: Continuation?
    /// Of the prompt's tokens.
    private var promptDecoder: TextDecoder
    private var held: [HeldToken] = []
    /// Bytes of text that were told.
    private var toldByteCount = 0
    private let promptTokenCount: Int
    private let start = ContinuousClock.now
    private var promptEnd = ContinuousClock.now

    /// Prepares a text; nothing is computed yet.
    ///
    /// - Throws: As ``BatchGenerator/generate(_:)``.
    init(_ request: GenerationRequest, for model: LanguageModel) throws {
        let plan = try PromptPlan(request, for: model)
        self.model = model
        self.request = request
        feed = TextFeed()
        state = plan.start
        unread = plan.tokens[...]
        lastToken = plan.lastToken
        promptTokenCount = plan.tokenCount
        promptDecoder = TextDecoder(model.vocabulary, request.earlier?.decoder ?? TextDecoder.State())
        if unread.isEmpty { try beginContinuation() }
    }

    /// Whether nothing is left to read.
    private(set) var hasEnded = false

    /// Chooses the first token to read.
    mutating func begin() throws {
        if !hasEnded { try chooseNext(from: state.logits) }
    }

    /// Counts the token that was read and chooses the next from the logits after it, `[V]`.
    mutating func advance(_ logits: [Float]) throws {
        state.note(next)
        if let continuation {
            hasEnded = continuation.stopReason != nil
        } else if unread.isEmpty {
            try beginContinuation()
        }
        if !hasEnded { try chooseNext(from: logits) }
    }

    private mutating func beginContinuation() throws {
        promptEnd = .now
        let continuation = try Continuation(model, from: state, lastToken, options: request.options)
        hasEnded = continuation.stopReason != nil
        self.continuation = continuation
    }

    private mutating func chooseNext(from logits: [Float]) throws {
        if let token = unread.popFirst() {
            next = token
            if request.includesPrompt {
                feed.add("", [try details(token, promptDecoder.decode(token), logits, isPrompt: true)])
            }
            return
        }
        guard let (token, text) = try continuation?.next(from: logits) else { return }
        next = token
        guard request.alternativeCount != nil, let continuation else {
            feed.add(text)
            return
        }
        toldByteCount += text.utf8.count
        held.append(
            HeldToken(
                token: try details(token, continuation.piece, logits, isPrompt: false),
                end: continuation.decodedByteCount))
        let isComplete = continuation.stopReason == .length
        let told = isComplete ? held.count : held.prefix { $0.end <= toldByteCount }.count
        feed.add(text, held.prefix(told).map(\.token))
        held.removeFirst(told)
    }

    private func details(
        _ token: Int32, _ text: String, _ logits: [Float], isPrompt: Bool
    ) throws(GenerationError) -> GeneratedToken {
        try GeneratedToken(
            token, text: text, logits: logits, alternativeCount: request.alternativeCount ?? 0,
            isPrompt: isPrompt)
    }

    /// Tells that the text has ended.
    ///
    /// - Parameters:
    ///   - recurrentState: The network's state after it.
    ///   - logits: Those after it, `[V]`.
    mutating func finish(_ recurrentState: RecurrentState, logits: [Float]) {
        state.recurrentState = recurrentState
        state.logits = logits
        if let continuation { state.decoder = continuation.decoderState }
        feed.finish(
            GenerationSummary(
                promptTokenCount: promptTokenCount, tokenCount: continuation?.tokenCount ?? 0,
                stopReason: continuation?.stopReason ?? .length,
                promptDuration: start.duration(to: promptEnd), duration: promptEnd.duration(to: .now),
                state: state))
    }
}
