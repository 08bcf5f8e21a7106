import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// One text while it is generated, all but the network's step: what is chosen, what is given out, when it ends.
struct Continuation: Sendable {
    private var sampler: TokenSampler
    private var decoder: TextDecoder
    private var matcher: StopMatcher
    private let length: Int
    private(set) var tokenCount = 0
    private(set) var stopReason: StopReason?

    init(
        _ model: LanguageModel, from state: GenerationState, options: TextGenerationOptions
    ) throws(GenerationError) {
        sampler = try TokenSampler(options, vocabulary: model.vocabulary)
        decoder = TextDecoder(model.vocabulary, state.decoder)
        matcher = StopMatcher(options.stopStrings)
        length = options.length
        for token in state.recentTokens { sampler.observe(token) }
        if length == 0 { stopReason = .length }
    }

    /// Chooses the next token; returns it with the text that it completes, which may be empty.
    mutating func next(from logits: [Float]) throws(GenerationError) -> (token: Int32, text: String) {
        let token = try sampler.choose(from: logits)
        sampler.observe(token)
        tokenCount += 1
        var (text, stop) = matcher.append(decoder.decode(token))
        if let stop {
            stopReason = .stopString(stop)
        } else if tokenCount == length {
            text += finish()
        }
        return (token, text)
    }

    /// What was still kept back; bytes that are no character yet stay with the state as well.
    private mutating func finish() -> String {
        let (text, stop) = matcher.append(decoder.finish())
        stopReason = stop.map { .stopString($0) } ?? .length
        return stop == nil ? text + matcher.finish() : text
    }

    /// What of a character has come and is not complete.
    var decoderState: TextDecoder.State { decoder.state }
}
