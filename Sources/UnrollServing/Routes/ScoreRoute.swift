#if Serving
import Hummingbird
import UnrollBase
import UnrollGeneration
import UnrollModel

/// What `POST /v1/score` takes.
struct ScoreRequest: ServingRequest {
    let model: String?
    let inputs: [String]
    let areLines: Bool

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(decoder, named: ["model", "input", "lines"])
        model = try fields.text("model")
        guard let inputs = try fields.texts("input", count: 1...2048) else {
            throw ServingError.missingField("input")
        }
        self.inputs = inputs
        areLines = try fields.flag("lines") ?? false
    }
}

/// The score of a text, or of a line.
struct ScoreObject: Encodable {
    struct Token: Encodable {
        let text: String
        let id: Int32
        let surprisal: Float
        let entropy: Float
        let offset: Int
    }

    struct Span: Encodable {
        let first: Int
        let count: Int
        let text: String
        let excess: Double
    }

    let index: Int
    /// Of a line its number, from 1.
    let line: Int?
    let nats: Double
    let bitsPerCharacter: Nullable<Double>
    let bitsPerByte: Nullable<Double>
    let tokens: [Token]
    let span: Nullable<Span>

    private enum CodingKeys: String, CodingKey {
        case index, line, nats, tokens, span
        case bitsPerCharacter = "bits_per_character"
        case bitsPerByte = "bits_per_byte"
    }

    init(_ score: TextScore, index: Int, line: Int?) {
        self.index = index
        self.line = line
        nats = score.nats
        bitsPerCharacter = Nullable(score.bitsPerCharacter)
        bitsPerByte = Nullable(score.bitsPerByte)
        tokens = score.tokens.enumerated().map { position, token in
            Token(
                text: score.text(of: position..<position + 1), id: token.id, surprisal: token.surprisal,
                entropy: token.entropy, offset: token.start)
        }
        span = Nullable(
            score.span.map { span in
                Span(
                    first: span.tokens.lowerBound, count: span.tokens.count,
                    text: score.text(of: span.tokens), excess: span.excess)
            })
    }
}

/// The answer of `POST /v1/score`.
struct ScoreAnswer: Encodable {
    let object = "score"
    let model: String
    let data: [ScoreObject]
}

extension ServerState {
    /// Measures the surprisal of texts, or of their lines.
    func score(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(ScoreRequest.self)
        let version = try models.model(fields.model)
        let work = request.work()
        return try await work.run { [computing, metrics] in
            try await computing.run {
                let data = try fields.inputs.enumerated().flatMap { index, input in
                    try version.scores(of: input, index: index, areLines: fields.areLines)
                }
                let count = data.reduce(0) { $0 + $1.tokens.count }
                request.record.note(model: version.id, tokenCount: count)
                metrics.read(count, model: version.id)
                return try .json(ScoreAnswer(model: version.id, data: data))
            }
        }
    }
}

extension ServedModel {
    /// The scores of a text: one, or one for each line.
    fileprivate func scores(of input: String, index: Int, areLines: Bool) throws -> [ScoreObject] {
        guard areLines else {
            let score = try model.score(input, precision: precision, threads: 1)
            return [ScoreObject(score, index: index, line: nil)]
        }
        var lines = input.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        // A line feed ends a line, and begins none.
        if lines.last == "" { lines.removeLast() }
        return try model.scoreLines(lines, precision: precision, threads: 1).enumerated().map {
            ScoreObject($1, index: index, line: $0 + 1)
        }
    }
}
#endif
