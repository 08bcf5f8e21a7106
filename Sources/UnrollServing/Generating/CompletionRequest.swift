#if Serving
import UnrollGeneration

/// What `POST /v1/completions` takes.
struct CompletionRequest: ServingRequest {
    let prompts: [GenerationRequest.Prompt]
    let sampling: SamplingFields
    /// Samples of each prompt, of which the `n` most probable are returned.
    let candidateCount: Int
    /// Alternatives to each token; nil where tokens are not told.
    let alternativeCount: Int?
    /// Whether the prompt is part of the text.
    let echoes: Bool

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(
            decoder, named: SamplingFields.names + ["prompt", "best_of", "logprobs", "echo", "suffix"])
        sampling = try SamplingFields(fields, limits: limits, defaultLength: 16)
        if fields.has("suffix") {
            throw ServingError.unsupportedField(
                "suffix", reason: "the models read from left to right and cannot end at a given text")
        }
        echoes = try fields.flag("echo") ?? false
        alternativeCount = try fields.integer("logprobs", in: 0...20)
        prompts = try fields.prompts("prompt", count: 1...limits.textsPerRequest) ?? [.text("")]
        candidateCount = try fields.integer("best_of", in: 1...limits.textsPerRequest) ?? sampling.count
        guard candidateCount >= sampling.count else {
            throw ServingError.invalidField("best_of", allowed: "at least 'n', \(sampling.count)")
        }
        if sampling.streams, candidateCount > sampling.count {
            throw ServingError.invalidField("best_of", allowed: "equal to 'n' in a stream")
        }
        guard prompts.count * candidateCount <= limits.textsPerRequest else {
            throw ServingError.invalidField(
                "prompt",
                allowed: "such that there are at most \(limits.textsPerRequest) texts, prompts times samples")
        }
    }
}
#endif
