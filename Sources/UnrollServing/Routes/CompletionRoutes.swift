#if Serving
import Hummingbird
import UnrollGeneration
import UnrollModel
import UnrollText

extension ServerState {
    /// Continues prompts.
    func complete(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(CompletionRequest.self)
        let version = try models.model(fields.sampling.model)
        try version.check(fields.sampling.options)
        let earlier = try states.state(fields.sampling.state, of: version)
        let picks = fields.candidateCount > fields.sampling.count
        let orders = fields.prompts.map { prompt in
            var order = GenerationJob.Order(
                request: GenerationRequest(
                    version.startable(prompt, after: earlier), after: earlier,
                    options: fields.sampling.options,
                    // The most probable samples are found by the log probabilities of their tokens.
                    alternativeCount: fields.alternativeCount ?? (picks ? 0 : nil)))
            if fields.echoes { order.echo = version.text(of: prompt) }
            order.request.includesPrompt = fields.echoes && fields.alternativeCount != nil
            return order
        }
        let job = try GenerationJob(
            orders, sampleCount: fields.sampling.count, candidateCount: fields.candidateCount, with: version,
            form: CompletionForm(
                head: AnswerHead("cmpl-", version), tellsTokens: fields.alternativeCount != nil),
            for: request, within: texts)
        return try await answer(job, fields.sampling)
    }

    /// Answers a chat.
    func chat(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(ChatRequest.self)
        let version = try models.model(fields.sampling.model)
        var options = fields.sampling.options
        try version.check(options)
        options.stopStrings.append(chatTemplate.stop)
        let generation = GenerationRequest(
            .text(chatTemplate.prompt(of: fields.messages)),
            after: try states.state(fields.sampling.state, of: version), options: options,
            alternativeCount: fields.alternativeCount)
        let job = try GenerationJob(
            [.init(request: generation)], sampleCount: fields.sampling.count,
            candidateCount: fields.sampling.count, with: version,
            form: ChatForm(head: AnswerHead("chatcmpl-", version)), for: request, within: texts)
        return try await answer(job, fields.sampling)
    }

    private func answer(_ job: GenerationJob, _ sampling: SamplingFields) async throws -> Response {
        sampling.streams ? job.stream(tellsUsage: sampling.streamsUsage) : try await job.whole()
    }
}

extension ServedModel {
    /// Checks what depends on the vocabulary.
    ///
    /// - Throws: `ServingError.invalidField`.
    fileprivate func check(_ options: TextGenerationOptions) throws(ServingError) {
        let count = model.vocabulary.count
        guard options.logitBias.keys.allSatisfy({ $0 >= 0 && $0 < count }) else {
            throw .invalidField("logit_bias", allowed: "an object of token ids in 0..<\(count) and numbers")
        }
    }

    /// A prompt that can be read: in place of an empty one that follows nothing, the token after which texts begin.
    fileprivate func startable(
        _ prompt: GenerationRequest.Prompt, after earlier: GenerationState?
    ) -> GenerationRequest.Prompt {
        guard earlier == nil, prompt == .text("") || prompt == .tokens([]), let startToken else {
            return prompt
        }
        return .tokens([startToken])
    }

    /// A prompt as text, to be shown before what follows it.
    fileprivate func text(of prompt: GenerationRequest.Prompt) -> String {
        switch prompt {
        case .text(let text): text
        case .tokens(let ids): model.vocabulary.decode(ids)
        }
    }
}
#endif
