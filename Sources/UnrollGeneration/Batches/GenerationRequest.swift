import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// A text that a ``BatchGenerator`` is to continue.
public struct GenerationRequest: Sendable {
    /// What the model reads first.
    public enum Prompt: Sendable, Equatable {
        /// A text, preprocessed as the model's own was.
        case text(String)
        /// Token ids as they are.
        case tokens([Int32])
    }

    /// What the model reads first; it may be empty after an earlier state.
    public var prompt: Prompt
    /// The state that the prompt follows.
    ///
    /// Default: nil, the beginning of a text.
    public var earlier: GenerationState?
    /// How much to generate, and how.
    ///
    /// With a length of 0, the prompt is read and nothing else. The precision is the generator's.
    public var options: TextGenerationOptions
    /// The number of alternatives to each token that are told with it, at least 0.
    ///
    /// Default: nil, tokens are not told, and only text is.
    public var alternativeCount: Int?
    /// Whether the tokens of the prompt are told as well, which needs an `alternativeCount`.
    ///
    /// The last token of a prompt of subwords is then read as it is, even if others begin with its bytes.
    ///
    /// Default: false.
    public var includesPrompt: Bool

    /// Creates a request.
    public init(
        _ prompt: Prompt, after earlier: GenerationState? = nil,
        options: TextGenerationOptions = TextGenerationOptions(), alternativeCount: Int? = nil,
        includesPrompt: Bool = false
    ) {
        self.prompt = prompt
        self.earlier = earlier
        self.options = options
        self.alternativeCount = alternativeCount
        self.includesPrompt = includesPrompt
    }

    /// Checks everything that does not depend on the prompt's text.
    func check(for model: LanguageModel, precision: Precision?) throws {
        try options.check(for: model)
        try earlier?.check(for: model)
        if let count = alternativeCount {
            try ParameterError.require(
                count >= 0, "alternativeCount", is: count, but: "at least 0")
        } else if includesPrompt {
            throw ParameterError.needs(parameter: "includesPrompt", other: "alternativeCount")
        }
        if let asked = options.precision, asked != precision ?? model.precision {
            throw ParameterError.outOfRange(
                parameter: "precision", value: "\(asked)", allowed: "that of the generator")
        }
    }
}

/// How a prompt is read: from where, and token by token.
struct PromptPlan {
    /// The state before the tokens.
    private(set) var start: GenerationState
    /// The tokens to read.
    private(set) var tokens: [Int32]
    /// The last token of the prompt, if it is chosen once more instead of being read.
    private(set) var lastToken: LastToken?
    /// All tokens of the prompt.
    let tokenCount: Int

    /// Plans how to read a request's prompt.
    ///
    /// - Throws: `GenerationError.emptyPrompt`, `EngineError.tokenOutOfRange`.
    init(_ request: GenerationRequest, for model: LanguageModel) throws {
        let vocabulary = model.vocabulary
        start = request.earlier ?? GenerationState(zerosFor: model.configuration)
        var openTokens: [Int32] = []
        switch request.prompt {
        case .tokens(let ids):
            for id in ids where id < 0 || id >= vocabulary.count {
                throw EngineError.tokenOutOfRange(id, vocabularySize: vocabulary.count)
            }
            tokens = ids
            var decoder = TextDecoder(vocabulary, start.decoder)
            for id in ids { _ = decoder.decode(id) }
            start.decoder = decoder.state
        case .text(let text):
            var joint = request.earlier.map { $0.joint(in: vocabulary) }
            if !text.isEmpty {
                tokens = vocabulary.encode(piece: text, after: &joint).ids
                start.reopenWord()
                start.decoder = TextDecoder.State(after: text, kind: vocabulary.kind)
                openTokens = vocabulary.tokens(ofOpenEnd: joint)
            } else {
                tokens = []
                if start.beforeOpenWord != nil { openTokens = vocabulary.tokens(ofOpenEnd: start.joint) }
            }
        }
        guard !tokens.isEmpty || request.earlier != nil else { throw GenerationError.emptyPrompt }
        tokenCount = tokens.count
        guard vocabulary.kind == .subwords, request.options.length > 0, !request.includesPrompt else {
            return
        }
        try takeBackLastToken(of: openTokens, request, vocabulary)
    }

    /// Leaves the last token of an open end to be chosen, if others begin with its bytes and there is something before it.
    private mutating func takeBackLastToken(
        of openTokens: [Int32], _ request: GenerationRequest, _ vocabulary: Vocabulary
    ) throws {
        guard let last = openTokens.last else { return }
        var (start, tokens) = (start, tokens)
        if tokens.isEmpty {
            start.reopenWord()
            tokens = openTokens
        }
        let token = try LastToken(
            last, in: vocabulary, TokenBans(request.options.bannedTokens, in: vocabulary))
        guard token.candidates.count > 1, tokens.count > 1 || !start.logits.isEmpty else { return }
        tokens.removeLast()
        (self.start, self.tokens, lastToken) = (start, tokens, token)
    }
}
