#if Serving
import Hummingbird
import UnrollBase
import UnrollGeneration
import UnrollModel
import UnrollText

/// What `POST /v1/state` takes.
struct StateRequest: ServingRequest {
    let model: String?
    let input: String
    /// The state that the text goes on from.
    let state: String?

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(decoder, named: ["model", "input", "state"])
        model = try fields.text("model")
        state = try fields.text("state")
        guard let input = try fields.text("input") else { throw ServingError.missingField("input") }
        self.input = input
    }
}

/// A state that is kept.
private struct StateObject: Encodable {
    let object = "state"
    let id: String
    let model: String
    let tokens: Int
    let bytes: Int

    init(_ id: String, _ entry: StateStore.Entry) {
        self.id = id
        model = entry.version.id
        tokens = entry.state.tokenCount
        bytes = entry.bytes
    }
}

/// What is said of a state that is not kept any more.
private struct RemovedState: Encodable {
    let object = "state.deleted"
    let id: String
    let deleted = true
}

extension ServerState {
    /// Reads a text, and keeps what the model knows then.
    func readState(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(StateRequest.self)
        let version = try models.model(fields.model)
        let earlier = try states.state(fields.state, of: version)
        let work = request.work()
        return try await work.run { [computing, metrics, states] in
            try await computing.run {
                let state = try version.read(fields.input, after: earlier)
                let count = state.tokenCount - (earlier?.tokenCount ?? 0)
                request.record.note(model: version.id, tokenCount: count)
                metrics.read(max(count, 0), model: version.id)
                let (id, entry) = try states.add(state, of: version)
                return try .json(StateObject(id, entry))
            }
        }
    }

    /// Says what is kept under an identifier.
    func describeState(_ request: ClientRequest) throws -> Response {
        try .json(StateObject(request.id, states.entry(request.id)))
    }

    /// Drops a state.
    func removeState(_ request: ClientRequest) throws -> Response {
        try states.remove(request.id)
        return try .json(RemovedState(id: request.id))
    }
}

extension ServedModel {
    /// Reads a text, by itself or after what was read before; one that is empty and follows nothing begins a line.
    ///
    /// - Throws: `ServingError.invalidField` when there is nothing to read, and as the model.
    func read(_ input: String, after earlier: GenerationState?) throws -> GenerationState {
        let start = startToken.map { model.vocabulary.decode([$0]) } ?? ""
        let input = input.isEmpty && earlier == nil ? start : input
        do {
            return try model.read(input, after: earlier, precision: precision, threads: 1)
        } catch GenerationError.emptyPrompt {
            throw ServingError.invalidField("input", allowed: "a text of at least one token of the model")
        }
    }
}
#endif
