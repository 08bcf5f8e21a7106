#if Serving
import Hummingbird
import UnrollGeneration
import UnrollModel
import UnrollText

/// What `POST /v1/inspect` takes.
struct InspectRequest: ServingRequest {
    /// Unicode scalars of a text at most, since the answer has all activations of some units.
    static let characterLimit = 4000

    let model: String?
    let input: String
    let alternativeCount: Int

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(decoder, named: ["model", "input", "alternatives"])
        model = try fields.text("model")
        alternativeCount = try fields.integer("alternatives", in: 0...20) ?? 5
        guard let input = try fields.text("input") else { throw ServingError.missingField("input") }
        guard (1...Self.characterLimit).contains(input.unicodeScalars.count) else {
            throw ServingError.invalidField(
                "input", allowed: "a text of 1 to \(Self.characterLimit) characters")
        }
        self.input = input
    }
}

/// The answer of `POST /v1/inspect`.
private struct InspectAnswer: Encodable {
    struct Alternative: Encodable {
        let text: String
        let id: Int32
        let probability: Float
    }

    struct Token: Encodable {
        let text: String
        let id: Int32
        let surprisal: Float
        let entropy: Float
        let offset: Int
        let alternatives: [Alternative]
    }

    /// A hidden unit that tracks a feature of the text.
    struct Unit: Encodable {
        let state: String
        let layer: Int
        let index: Int
        let feature: String
        let correlation: Double
        /// One for each token.
        let activations: [Float]
    }

    let object = "inspection"
    let model: String
    let tokens: [Token]
    let units: [Unit]

    init(_ inspection: TextInspection, by version: ServedModel) {
        let vocabulary = version.model.vocabulary
        model = version.id
        tokens = zip(inspection.score.tokens, inspection.alternatives).enumerated().map { position, token in
            Token(
                text: inspection.score.text(of: position..<position + 1), id: token.0.id,
                surprisal: token.0.surprisal, entropy: token.0.entropy, offset: token.0.start,
                alternatives: token.1.map { other in
                    Alternative(
                        text: vocabulary.token(other.id) ?? "", id: other.id, probability: other.probability)
                })
        }
        units = inspection.findings.map { finding in
            let unit = inspection.units[finding.unit]
            return Unit(
                state: unit.state, layer: unit.layer, index: unit.index, feature: finding.feature.title,
                correlation: finding.correlation, activations: inspection.activations[finding.unit])
        }
    }
}

extension ServerState {
    /// Tells how a model reads a text: what it expected, and which of its units track what.
    func inspect(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(InspectRequest.self)
        let version = try models.model(fields.model)
        let work = request.work()
        return try await work.run { [computing, metrics] in
            try await computing.run {
                let inspection = try version.model.inspect(
                    fields.input.utf8, alternativeCount: fields.alternativeCount,
                    precision: version.precision, threads: 1)
                let answer = InspectAnswer(inspection, by: version)
                request.record.note(model: version.id, tokenCount: answer.tokens.count)
                metrics.read(answer.tokens.count, model: version.id)
                return try .json(answer)
            }
        }
    }
}
#endif
