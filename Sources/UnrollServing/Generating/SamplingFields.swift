#if Serving
import UnrollGeneration

/// The fields by which completions and chats say how tokens are chosen.
struct SamplingFields: Sendable {
    /// Their names, which the endpoints add their own to.
    static let names = [
        "model", "max_tokens", "temperature", "top_p", "top_k", "min_p", "n", "stop", "seed",
        "presence_penalty", "frequency_penalty", "repetition_penalty", "logit_bias", "stream",
        "stream_options", "user", "state",
    ]
    /// The greatest number of stop strings.
    private static let stopLimit = 16

    let model: String?
    /// The seed is that of the first sample.
    let options: TextGenerationOptions
    /// Samples of each prompt.
    let count: Int
    let streams: Bool
    /// Whether the last event of a stream tells the number of tokens.
    let streamsUsage: Bool
    /// The identifier of the state that the prompt follows.
    let state: String?

    /// - Parameters:
    ///   - fields: The request's.
    ///   - limits: What it may ask for.
    ///   - lengthName: The field with the number of tokens. Default: `max_tokens`.
    ///   - defaultLength: Tokens where it is not there.
    /// - Throws: `ServingError`.
    init(
        _ fields: RequestFields, limits: ServingLimits, lengthName: String = "max_tokens", defaultLength: Int
    ) throws {
        model = try fields.text("model")
        count = try fields.integer("n", in: 1...limits.textsPerRequest) ?? 1
        streams = try fields.flag("stream") ?? false
        state = try fields.text("state")
        _ = try fields.text("user")
        if fields.has("stream_options"), !streams {
            throw ServingError.fieldNeeds("stream_options", needed: "'stream' to be true")
        }
        let streamOptions: StreamOptions? = try fields.value(
            "stream_options", allowed: "an object with the field 'include_usage'")
        streamsUsage = streamOptions?.includesUsage ?? false
        options = try Self.options(
            fields,
            length: fields.integer(lengthName, in: 0...limits.maxTokens)
                ?? min(defaultLength, limits.maxTokens))
    }

    private static func options(_ fields: RequestFields, length: Int) throws -> TextGenerationOptions {
        var options = TextGenerationOptions(length: length)
        let temperature = try fields.number("temperature", in: 0...100) ?? 1
        let topP = try fields.number("top_p", in: 0...1) ?? 1
        guard topP > 0 else { throw ServingError.invalidField("top_p", allowed: "above 0 and at most 1") }
        let topK = try fields.integer("top_k", in: 1...1_000_000)
        let minP = try fields.number("min_p", in: 0...1) ?? 0
        // Whichever of them leaves the most probable token alone, the others change nothing. Clients send all of them.
        if temperature == 0 || topK == 1 || minP == 1 {
            options.strategy = .greedy
        } else {
            options.strategy = .temperature(temperature)
            (options.topP, options.topK, options.minP) = (topP, topK, minP)
        }
        options.repetitionPenalty = try fields.number("repetition_penalty", in: 0.01...100) ?? 1
        options.presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? 0
        options.frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? 0
        options.logitBias = try bias(fields)
        options.stopStrings = try stops(fields)
        let seed: Int? = try fields.value("seed", allowed: "a whole number")
        options.seed = seed.map { UInt64(bitPattern: Int64($0)) } ?? .random(in: .min ... .max)
        return options
    }

    private static func stops(_ fields: RequestFields) throws -> [String] {
        let stops = try fields.texts("stop", count: 0...stopLimit) ?? []
        guard !stops.contains("") else {
            throw ServingError.invalidField("stop", allowed: "of texts that are not empty")
        }
        return stops
    }

    private static func bias(_ fields: RequestFields) throws -> [Int32: Double] {
        let allowed = "an object of token ids, as strings, and numbers in -100...100"
        guard let entries: [String: Double] = try fields.value("logit_bias", allowed: allowed) else {
            return [:]
        }
        var bias: [Int32: Double] = [:]
        for (key, value) in entries {
            guard let id = Int32(key), (-100...100).contains(value) else {
                throw ServingError.invalidField("logit_bias", allowed: allowed)
            }
            bias[id] = value
        }
        return bias
    }
}

/// The field `stream_options`.
private struct StreamOptions: Decodable {
    let includesUsage: Bool

    init(from decoder: any Decoder) throws {
        let fields = try RequestFields(decoder, named: ["include_usage"])
        includesUsage = try fields.flag("include_usage") ?? false
    }
}
#endif
