#if Serving
import Foundation
import Hummingbird
import UnrollBase
import UnrollGeneration
import UnrollModel
import UnrollText

/// What `POST /v1/embeddings` takes.
struct EmbeddingRequest: ServingRequest {
    /// A text, or token ids, which stand for the text that they make.
    enum Input: Sendable {
        case text(String)
        case tokens([Int32])
    }

    let model: String?
    let inputs: [Input]
    let isBase64: Bool

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(
            decoder, named: ["model", "input", "encoding_format", "user", "dimensions"])
        model = try fields.text("model")
        _ = try fields.text("user")
        if fields.has("dimensions") {
            throw ServingError.unsupportedField(
                "dimensions", reason: "the vector has as many numbers as the model has hidden units")
        }
        isBase64 = try fields.word("encoding_format", among: ["float", "base64"]) == "base64"
        let inputs: EmbeddingInputs? = try fields.value("input", allowed: EmbeddingInputs.allowed)
        guard let inputs else { throw ServingError.missingField("input") }
        self.inputs = inputs.values
    }
}

/// The field `input`, as that of OpenAI: a text, several, token ids, or several lists of those.
private struct EmbeddingInputs: Decodable {
    static let allowed =
        "a string, an array of strings, an array of token ids or an array of arrays of token ids, of 1 to 2048 texts"

    let values: [EmbeddingRequest.Input]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            values = [.text(text)]
        } else if let texts = try? container.decode([String].self) {
            values = texts.map { .text($0) }
        } else if let tokens = try? container.decode([Int32].self) {
            values = [.tokens(tokens)]
        } else {
            values = try container.decode([[Int32]].self).map { .tokens($0) }
        }
        guard (1...2048).contains(values.count) else {
            throw ServingError.invalidField("input", allowed: Self.allowed)
        }
    }
}

/// A vector, as numbers or as base64 of their bytes, the lowest first.
private enum EmbeddingVector: Encodable, Sendable {
    case numbers([Float])
    case base64(String)

    init(_ vector: [Float], isBase64: Bool) {
        guard isBase64 else {
            self = .numbers(vector)
            return
        }
        let bytes = vector.flatMap { number in
            (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> UInt32(8 * $0)) }
        }
        self = .base64(Data(bytes).base64EncodedString())
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .numbers(let numbers): try container.encode(numbers)
        case .base64(let text): try container.encode(text)
        }
    }
}

/// The answer of `POST /v1/embeddings`.
private struct EmbeddingAnswer: Encodable {
    struct Element: Encodable {
        let object = "embedding"
        let index: Int
        let embedding: EmbeddingVector
    }

    struct Usage: Encodable {
        let promptTokens: Int

        private enum CodingKeys: String, CodingKey {
            case promptTokens = "prompt_tokens"
            case totalTokens = "total_tokens"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(promptTokens, forKey: .promptTokens)
            try container.encode(promptTokens, forKey: .totalTokens)
        }
    }

    let object = "list"
    let model: String
    let data: [Element]
    let usage: Usage
}

extension ServerState {
    /// Turns texts into vectors.
    func embed(_ request: ClientRequest) async throws -> Response {
        let fields = try request.decoded(EmbeddingRequest.self)
        let version = try models.model(fields.model)
        let work = request.work()
        return try await work.run { [computing, metrics] in
            try await computing.run {
                var (elements, count) = ([EmbeddingAnswer.Element](), 0)
                for (index, input) in fields.inputs.enumerated() {
                    let (vector, tokenCount) = try version.embedding(of: input)
                    count += tokenCount
                    elements.append(
                        .init(index: index, embedding: EmbeddingVector(vector, isBase64: fields.isBase64)))
                }
                request.record.note(model: version.id, tokenCount: count)
                metrics.read(count, model: version.id)
                return try .json(
                    EmbeddingAnswer(model: version.id, data: elements, usage: .init(promptTokens: count)))
            }
        }
    }
}

extension ServedModel {
    fileprivate func embedding(
        of input: EmbeddingRequest.Input
    ) throws -> (vector: [Float], tokenCount: Int) {
        do {
            let text =
                switch input {
                case .text(let text): text
                case .tokens(let ids): try decode(ids)
                }
            return try model.embedding(of: text, precision: precision, threads: 1)
        } catch GenerationError.emptyPrompt {
            throw ServingError.invalidField("input", allowed: "of texts of at least one token of the model")
        }
    }

    private func decode(_ ids: [Int32]) throws -> String {
        let count = model.vocabulary.count
        guard ids.allSatisfy({ (0..<count).contains(Int($0)) }) else {
            throw ServingError.invalidField("input", allowed: "of token ids in 0..<\(count)")
        }
        return model.vocabulary.decode(ids)
    }
}
#endif
