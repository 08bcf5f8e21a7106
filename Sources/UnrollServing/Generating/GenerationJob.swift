#if Serving
import Foundation
import Hummingbird
import UnrollBase
import UnrollGeneration
import UnrollModel

/// A text that is part of an answer.
struct Choice: Sendable {
    /// Counted from 0 over all prompts.
    let index: Int
    var text = ""
    /// Nil where tokens are not told.
    var details: [TokenDetail]?
    /// Nil while it goes on.
    var summary: GenerationSummary?

    /// OpenAI's word for why it has ended; nil while it goes on.
    var finishReason: String? {
        switch summary?.stopReason {
        case .length: "length"
        case .stopString: "stop"
        case nil: nil
        }
    }

    /// The mean log probability of its tokens; the least number without any.
    fileprivate var meanLogProbability: Double {
        let values = (details ?? []).compactMap(\.logProbability)
        return values.isEmpty ? -.greatestFiniteMagnitude : values.reduce(0, +) / Double(values.count)
    }
}

/// The number of tokens that an answer has taken.
struct Usage: Encodable, Sendable {
    private(set) var promptTokens = 0
    private(set) var completionTokens = 0

    private enum CodingKeys: String, CodingKey {
        case promptTokens = "prompt_tokens"
        case completionTokens = "completion_tokens"
        case totalTokens = "total_tokens"
    }

    /// Adds a text; the prompt counts with its first sample.
    mutating func add(_ summary: GenerationSummary, isFirstSample: Bool) {
        if isFirstSample { promptTokens += summary.promptTokenCount }
        completionTokens += summary.tokenCount
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(promptTokens, forKey: .promptTokens)
        try container.encode(completionTokens, forKey: .completionTokens)
        try container.encode(promptTokens + completionTokens, forKey: .totalTokens)
    }
}

/// How an answer is written: as a completion or as a chat.
protocol AnswerForm: Sendable {
    /// The whole answer.
    func answer(_ choices: [Choice], _ usage: Usage) throws -> Data
    /// What a stream says of a choice before its first piece; nil for nothing.
    func opening(_ index: Int) throws -> Data?
    /// A piece of a choice.
    func event(_ piece: Choice) throws -> Data
    /// The number of tokens, at the end of a stream that tells it.
    func event(_ usage: Usage) throws -> Data
}

/// The texts that one request has asked for, while they are generated.
struct GenerationJob: Sendable {
    /// What is to be generated after one prompt.
    struct Order: Sendable {
        var request: GenerationRequest
        /// What comes before the text in the answer.
        var echo = ""
    }

    /// A text, and what of it is told.
    private struct Part: Sendable {
        let text: BatchedText
        let echo: String
        let details: TokenDetails?
    }

    private let version: ServedModel
    private let form: any AnswerForm
    private let sampleCount: Int
    private let candidateCount: Int
    private let parts: [Part]
    private let reservation: TextBudget.Reservation
    private let work: ClientWork
    private let record: AnswerRecord

    /// Begins to generate.
    ///
    /// - Parameters:
    ///   - orders: One for each prompt.
    ///   - sampleCount: Samples of each prompt that are returned.
    ///   - candidateCount: Samples of each prompt that are generated.
    ///   - version: The model.
    ///   - form: How the answer is written.
    ///   - request: The client's request.
    ///   - budget: What may be generated at the same time.
    /// - Throws: `ServingError`, and what the library throws for options, prompts and states.
    init(
        _ orders: [Order], sampleCount: Int, candidateCount: Int, with version: ServedModel,
        form: any AnswerForm, for request: ClientRequest, within budget: TextBudget
    ) throws {
        reservation = try budget.reserve(orders.count * candidateCount)
        self.version = version
        self.form = form
        self.sampleCount = sampleCount
        self.candidateCount = candidateCount
        parts = try orders.flatMap { order in
            try (0..<candidateCount).map { sample in
                var generation = order.request
                generation.options.seed &+= UInt64(sample)
                return Part(
                    text: try version.generator.generate(generation), echo: order.echo,
                    details: generation.alternativeCount.map { _ in TokenDetails(version.model.vocabulary) })
            }
        }
        work = request.work()
        record = request.record
    }

    // MARK: At once

    /// Waits for all texts, and returns the answer.
    func whole() async throws -> Response {
        let candidates = try await work.run { [parts, record, version] in
            var choices: [Choice] = []
            var isFirst = true
            // The texts are generated side by side, in whatever order they are asked for.
            for (index, part) in parts.enumerated() {
                var choice = Choice(index: index, text: part.echo)
                var details = part.details
                for try await piece in part.text {
                    if isFirst { record.metrics.firstToken(after: record.elapsed, model: version.id) }
                    isFirst = false
                    choice.add(piece, &details)
                }
                choices.append(choice)
            }
            return choices
        }
        var usage = Usage()
        for choice in candidates { count(choice, in: &usage) }
        note(usage)
        return .text(try form.answer(best(of: candidates), usage), type: "application/json")
    }

    /// Of the candidates for each prompt, the most probable ones, in order and counted from 0.
    private func best(of candidates: [Choice]) -> [Choice] {
        guard candidateCount > sampleCount else { return candidates }
        let kept = stride(from: 0, to: candidates.count, by: candidateCount).flatMap { first in
            candidates[first..<first + candidateCount]
                .sorted { $0.meanLogProbability > $1.meanLogProbability }.prefix(sampleCount)
        }
        return kept.enumerated().map { index, choice in
            Choice(index: index, text: choice.text, details: choice.details, summary: choice.summary)
        }
    }

    private func count(_ choice: Choice, in usage: inout Usage) {
        guard let summary = choice.summary else { return }
        usage.add(summary, isFirstSample: choice.index % candidateCount == 0)
    }

    private func note(_ usage: Usage) {
        record.note(model: version.id, tokenCount: usage.promptTokens + usage.completionTokens)
        record.metrics.generated(
            prompt: usage.promptTokens, completion: usage.completionTokens, model: version.id)
    }

    // MARK: As a stream

    /// The answer as server-sent events, which come while the texts are generated.
    ///
    /// - Parameter tellsUsage: Whether the last event is the number of tokens.
    /// - Returns: The answer, which ends the work when it is released.
    func stream(tellsUsage: Bool) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff",
            ],
            body: ResponseBody { writer in
                do {
                    try await write(to: &writer, tellsUsage: tellsUsage)
                } catch let error where !(error is CancellationError) {
                    // The status is sent; the error comes as an event. A client that has left cannot get it.
                    let known = ServingError(error) ?? .failed
                    try await writer.write(Self.event(JSONEncoder.unroll.encode(ErrorBody(known))))
                    record.finish(known.status)
                }
                try await writer.finish(nil)
            })
    }

    private func write(to writer: inout any ResponseBodyWriter, tellsUsage: Bool) async throws {
        var usage = Usage()
        var open = parts.indices.map { (index: $0, details: parts[$0].details) }
        var isFirst = true
        for index in parts.indices {
            if let opening = try form.opening(index) { try await writer.write(Self.event(opening)) }
            guard !parts[index].echo.isEmpty else { continue }
            try await writer.write(Self.event(form.event(Choice(index: index, text: parts[index].echo))))
        }
        // All texts grow at the same rate, so each is asked for in turn.
        while !open.isEmpty {
            for position in open.indices.reversed() {
                let index = open[position].index
                guard let piece = try await work.run({ [text = parts[index].text] in try await text.next() })
                else {
                    open.remove(at: position)
                    continue
                }
                var choice = Choice(index: index)
                choice.add(piece, &open[position].details)
                if isFirst { record.metrics.firstToken(after: record.elapsed, model: version.id) }
                isFirst = false
                try await writer.write(Self.event(form.event(choice)))
                count(choice, in: &usage)
                if choice.summary != nil { open.remove(at: position) }
            }
            if !open.isEmpty { try await Task.sleep(for: pause) }
        }
        if tellsUsage { try await writer.write(Self.event(form.event(usage))) }
        try await writer.write(ByteBuffer(string: "data: [DONE]\n\n"))
        note(usage)
        record.finish(200)
    }

    /// The time in which tokens are collected for the next events.
    ///
    /// It grows with the number of texts, so that all streams together write some 3,000 events a second and generating, which
    /// is the same work for one text as for many, keeps the processors. One stream alone is as prompt as it can be.
    private var pause: Duration { .microseconds(300 * version.generator.textCounts.running) }

    /// A server-sent event (WHATWG HTML, section 9.2) of one line.
    private static func event(_ json: Data) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(json.count + 8)
        buffer.writeString("data: ")
        buffer.writeBytes(json)
        buffer.writeString("\n\n")
        return buffer
    }
}

extension Choice {
    /// Adds what has been generated.
    fileprivate mutating func add(_ piece: GeneratedPiece, _ details: inout TokenDetails?) {
        text += piece.text
        if let new = details?.details(of: piece.tokens) { self.details = (self.details ?? []) + new }
        if let summary = piece.summary { self.summary = summary }
    }
}

extension BatchedText {
    /// What has come since the last call; nil after the end.
    fileprivate func next() async throws -> GeneratedPiece? {
        let iterator = makeAsyncIterator()
        return try await iterator.next()
    }
}
#endif
