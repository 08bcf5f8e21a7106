#if Serving
import Foundation
import UnrollBase

/// What all answers of one request, or all events of its stream, have in common.
struct AnswerHead: Sendable {
    let id: String
    let created: Int
    let model: String
    let fingerprint: String

    /// The head of an answer of now.
    init(_ prefix: String, _ version: ServedModel) {
        id = prefix + UUID().uuidString.lowercased().replacing("-", with: "")
        created = Int(Date().timeIntervalSince1970)
        model = version.id
        fingerprint = version.fingerprint
    }
}

/// An answer, or an event of one.
private struct AnswerObject<Element: Encodable>: Encodable {
    let head: AnswerHead
    let object: String
    let choices: [Element]
    var usage: Usage?

    private enum CodingKeys: String, CodingKey {
        case id, object, created, model, choices, usage
        case fingerprint = "system_fingerprint"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(head.id, forKey: .id)
        try container.encode(object, forKey: .object)
        try container.encode(head.created, forKey: .created)
        try container.encode(head.model, forKey: .model)
        try container.encode(head.fingerprint, forKey: .fingerprint)
        try container.encode(choices, forKey: .choices)
        try container.encodeIfPresent(usage, forKey: .usage)
    }
}

/// The form of `POST /v1/completions`, where answers and events are alike.
struct CompletionForm: AnswerForm {
    let head: AnswerHead
    /// Whether tokens are told, and not only known.
    let tellsTokens: Bool

    private struct Element: Encodable {
        let index: Int
        let text: String
        let logprobs: Nullable<CompletionLogProbabilities>
        let finishReason: Nullable<String>

        private enum CodingKeys: String, CodingKey {
            case index, text, logprobs
            case finishReason = "finish_reason"
        }

        init(_ choice: Choice, tellsTokens: Bool) {
            index = choice.index
            text = choice.text
            let details = tellsTokens ? choice.details ?? [] : nil
            logprobs = Nullable(details.map(CompletionLogProbabilities.init))
            finishReason = Nullable(choice.finishReason)
        }
    }

    private func encoded(_ choices: [Choice], _ usage: Usage?) throws -> Data {
        try JSONEncoder.unroll.encode(
            AnswerObject(
                head: head, object: "text_completion",
                choices: choices.map { Element($0, tellsTokens: tellsTokens) }, usage: usage))
    }

    func answer(_ choices: [Choice], _ usage: Usage) throws -> Data { try encoded(choices, usage) }
    func opening(_ index: Int) -> Data? { nil }
    func event(_ piece: Choice) throws -> Data { try encoded([piece], nil) }
    func event(_ usage: Usage) throws -> Data { try encoded([], usage) }
}

/// The form of `POST /v1/chat/completions`.
struct ChatForm: AnswerForm {
    let head: AnswerHead

    private struct Message: Encodable {
        var role: String?
        var content: String?
    }

    /// A choice with its message, or with what has been added to it.
    private struct Element: Encodable {
        let index: Int
        var message: Message?
        var delta: Message?
        let logprobs: Nullable<ChatLogProbabilities>
        let finishReason: Nullable<String>

        private enum CodingKeys: String, CodingKey {
            case index, message, delta, logprobs
            case finishReason = "finish_reason"
        }

        init(_ choice: Choice) {
            index = choice.index
            logprobs = Nullable(choice.details.map(ChatLogProbabilities.init))
            finishReason = Nullable(choice.finishReason)
        }
    }

    private static let role = "assistant"

    func answer(_ choices: [Choice], _ usage: Usage) throws -> Data {
        let elements = choices.map { choice in
            var element = Element(choice)
            element.message = Message(role: Self.role, content: choice.text)
            return element
        }
        return try JSONEncoder.unroll.encode(
            AnswerObject(head: head, object: "chat.completion", choices: elements, usage: usage))
    }

    private func event(_ choice: Choice?, _ delta: Message, _ usage: Usage? = nil) throws -> Data {
        let elements = choice.map { choice in
            var element = Element(choice)
            element.delta = delta
            return [element]
        }
        return try JSONEncoder.unroll.encode(
            AnswerObject(head: head, object: "chat.completion.chunk", choices: elements ?? [], usage: usage))
    }

    func opening(_ index: Int) throws -> Data? {
        try event(Choice(index: index), Message(role: Self.role, content: ""))
    }

    func event(_ piece: Choice) throws -> Data { try event(piece, Message(content: piece.text)) }
    func event(_ usage: Usage) throws -> Data { try event(nil, Message(), usage) }
}
#endif
