import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// One text while it is generated, without the network's step: which token is chosen, which text is complete, when it
/// ends.
struct Continuation: Sendable {
    private var sampler: TokenSampler
    private var decoder: TextDecoder
    private var matcher: StopMatcher
    private let length: Int
    /// The last token of the prompt, until it is chosen again.
    private var lastToken: LastToken?
    private(set) var tokenCount = 0
    private(set) var stopReason: StopReason?
    /// The text that the last token has completed, before stop strings were looked for.
    private(set) var piece = ""
    /// Bytes of all such text.
    private(set) var decodedByteCount = 0

    /// Begins after `state`, which is that before `lastToken` if there is one.
    init(
        _ model: LanguageModel, from state: GenerationState, _ lastToken: LastToken?,
        options: TextGenerationOptions
    ) throws {
        sampler = try TokenSampler(options, vocabulary: model.vocabulary)
        self.lastToken = lastToken
        decoder = TextDecoder(model.vocabulary, state.decoder)
        matcher = StopMatcher(options.stopStrings)
        length = options.length
        sampler.observe(state.recentTokens)
        if length == 0 { stopReason = .length }
    }

    /// Chooses the next token; returns it with the text that it completes, which may be empty.
    mutating func next(from logits: [Float]) throws(GenerationError) -> (token: Int32, text: String) {
        let token = try sampler.choose(from: logits, among: lastToken?.candidates)
        sampler.observe(generated: token)
        let known = lastToken?.byteCount ?? 0
        lastToken = nil
        return (token, append(token, after: known))
    }

    /// How an engine is to choose the next tokens; nil if one is to be chosen among some.
    var choice: TokenChoice? { lastToken == nil ? sampler.choice : nil }

    /// Pieces that are missing, each of which takes at least one token.
    var missingCount: Int { length - tokenCount }

    /// Goes on with a token that an engine has chosen, and returns the text that it completes.
    mutating func append(chosen token: Int32) throws(GenerationError) -> String {
        guard token >= 0 else { throw .notANumber }
        sampler.observe(chosen: token)
        return append(token, after: 0)
    }

    private mutating func append(_ token: Int32, after known: Int) -> String {
        guard let piece = decoder.decode(token, after: known) else {
            piece = ""
            return ""
        }
        self.piece = piece
        decodedByteCount += piece.utf8.count
        tokenCount += 1
        var (text, stop) = matcher.append(piece)
        if let stop {
            stopReason = .stopString(stop)
        } else if tokenCount == length {
            text += finish()
        }
        return text
    }

    /// The text that was held back; bytes of an incomplete character stay in the state as well.
    private mutating func finish() -> String {
        let (text, stop) = matcher.append(decoder.finish())
        stopReason = stop.map { .stopString($0) } ?? .length
        return stop == nil ? text + matcher.finish() : text
    }

    /// The bytes of a character that is not complete.
    var decoderState: TextDecoder.State { decoder.state }
}

/// Finds the first of several texts in a text that comes piece by piece, and holds back what may be the start of one.
struct StopMatcher {
    private let stops: [(text: String, bytes: [UInt8])]
    /// What has come and was not returned: the start of a stop string, perhaps.
    private var held: [UInt8] = []

    init(_ stopStrings: [String]) {
        stops = stopStrings.filter { !$0.isEmpty }.map { ($0, Array($0.utf8)) }
    }

    /// Adds a piece; returns the text that is certain, and the stop string that is complete, if one is.
    mutating func append(_ piece: String) -> (text: String, stop: String?) {
        guard !stops.isEmpty else { return (piece, nil) }
        held += piece.utf8
        // A complete stop string comes before one that began earlier and is not complete.
        for begin in held.indices {
            if let stop = stops.first(where: { held[begin...].starts(with: $0.bytes) }) {
                defer { held = [] }
                return (String(decoding: held[..<begin], as: UTF8.self), stop.text)
            }
        }
        let begin =
            held.indices.first { begin in stops.contains { $0.bytes.starts(with: held[begin...]) } }
            ?? held.endIndex
        defer { held.removeFirst(begin) }
        return (String(decoding: held[..<begin], as: UTF8.self), nil)
    }

    /// The text that was held back, at the end.
    mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}
