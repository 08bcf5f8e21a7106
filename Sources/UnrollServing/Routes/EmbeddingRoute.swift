#if Serving
import Foundation
import Hummingbird
import UnrollBase
import UnrollGeneration
import UnrollModel
import UnrollText

/// What `POST /v1/embeddings` takes.
struct EmbeddingRequest: ServingRequest {
    let model: String?
    /// Token ids stand for the text that they make.
    let inputs: [GenerationRequest.Prompt]
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
        guard let inputs = try fields.prompts("input", count: 1...2048) else {
            throw ServingError.missingField("input")
        }
        self.inputs = inputs
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
        of input: GenerationRequest.Prompt
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
