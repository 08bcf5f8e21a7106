#if Serving
import Hummingbird
import UnrollGeneration
import UnrollModel

/// What `POST /v1/complete` takes.
struct WordRequest: ServingRequest {
    let model: String?
    let input: String
    let count: Int
    /// The state that the text goes on from.
    let state: String?

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(decoder, named: ["model", "input", "count", "state"])
        model = try fields.text("model")
        state = try fields.text("state")
        count = try fields.integer("count", in: 1...100) ?? 5
        guard let input = try fields.text("input") else { throw ServingError.missingField("input") }
        self.input = input
    }
}

/// The answer of `POST /v1/complete`.
private struct WordAnswer: Encodable {
    struct Element: Encodable {
        let text: String
        let probability: Double
    }

    let object = "completions_of_word"
    let model: String
    let data: [Element]
}

extension ServerState {
    /// Finds the most probable ends of a half-typed word.
    func completeWord(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(WordRequest.self)
        let version = try models.model(fields.model)
        let earlier = try states.state(fields.state, of: version)
        let work = request.work()
        return try await work.run { [computing, metrics] in
            try await computing.run {
                let state = try version.read(fields.input, after: earlier)
                let count = max(state.tokenCount - (earlier?.tokenCount ?? 0), 0)
                request.record.note(model: version.id, tokenCount: count)
                metrics.read(count, model: version.id)
                let words = try version.model.complete(
                    from: state, count: fields.count, precision: version.precision, threads: 1)
                return try .json(
                    WordAnswer(
                        model: version.id,
                        data: words.map { .init(text: $0.text, probability: $0.probability) }))
            }
        }
    }
}
#endif
