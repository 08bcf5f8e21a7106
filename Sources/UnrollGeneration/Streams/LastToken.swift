import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The last token of a prompt of subwords, which is chosen once more among those that begin with its bytes.
///
/// A prompt may break off where no token ends in texts: inside a word, or after the space that the token of a word begins
/// with. What a model expects after such a token is odd. (The library `guidance` calls this token healing.)
struct LastToken: Sendable {
    let id: Int32
    /// The number of its bytes, which are part of the prompt.
    let byteCount: Int
    /// The tokens that may take its place, itself included.
    let candidates: [Int32]

    /// A ban is on what is generated, which the token itself is not.
    init(_ id: Int32, in vocabulary: Vocabulary, _ bans: TokenBans) {
        let bytes = vocabulary.bytes(of: id)
        self.id = id
        byteCount = bytes.count
        candidates = (0..<Int32(vocabulary.count)).filter {
            $0 == id || vocabulary.bytes(of: $0).starts(with: bytes) && !bans.contains($0)
        }
    }
}

extension LanguageModel {
    /// Takes the last token of a text that was read back, if others begin with its bytes and one is going to be chosen.
    ///
    /// - Returns: The token, or nil if nothing was taken back, as always unless tokens are subwords.
    func takeBackLastToken(
        of state: inout GenerationState, _ options: TextGenerationOptions, threads: Int?
    ) throws -> LastToken? {
        try takeBackLastToken(
            of: &state, length: options.length, bannedTokens: options.bannedTokens,
            precision: options.precision, threads: threads)
    }

    /// Takes the last token back for a search; otherwise as for a text that is generated.
    func takeBackLastToken(
        of state: inout GenerationState, _ options: BeamSearchOptions, threads: Int?
    ) throws -> LastToken? {
        try takeBackLastToken(
            of: &state, length: options.length, bannedTokens: options.bannedTokens,
            precision: options.precision, threads: threads)
    }

    private func takeBackLastToken(
        of state: inout GenerationState, length: Int, bannedTokens: Set<String>, precision: Precision?,
        threads: Int?
    ) throws -> LastToken? {
        let tokens = vocabulary.tokens(ofOpenEnd: state.joint)
        guard vocabulary.kind == .subwords, length > 0, state.beforeOpenWord != nil, let last = tokens.last
        else { return nil }
        let token = try LastToken(last, in: vocabulary, TokenBans(bannedTokens, in: vocabulary))
        guard token.candidates.count > 1 else { return nil }
        var earlier = state
        earlier.reopenWord()
        if tokens.count > 1 {
            try withEngine(precision: precision, threads: threads) { engine in
                try engine.restoreState(earlier.recurrentState)
                for token in tokens.dropLast() { try earlier.read(token, with: engine) }
                try engine.copyState(to: &earlier.recurrentState)
            }
        }
        // At the beginning of a text nothing says which token is probable.
        guard !earlier.logits.isEmpty else { return nil }
        earlier.joint = nil
        state = earlier
        return token
    }
}
