#if Serving
import UnrollBase

/// How the messages of a chat become a prompt, and where the model's answer ends.
///
/// Models that were trained on dialogues need the form that these had.
public struct ChatTemplate: Sendable, Equatable {
    /// What comes before and after the content of a message, with `{role}` for its role.
    private let (opening, closing): (String, String)

    /// A line for each message, `role: content`.
    public init() {
        (opening, closing) = ("{role}: ", "\n")
    }

    /// Takes the form of a message.
    ///
    /// The answer follows what comes before `{content}`, with the role `assistant`. It ends before what comes after
    /// `{content}`, or, if that is white space alone, before the beginning of a message of the role `user`.
    ///
    /// - Parameter message: A text with `{role}` and after it `{content}`, such as `"<{role}>{content}</{role}>"`.
    /// - Throws: `ParameterError` unless there are both, each once in the right order.
    public init(message: String) throws(ParameterError) {
        let parts = message.split(separator: "{content}", omittingEmptySubsequences: false)
        let isTemplate = parts.count == 2 && parts[0].contains("{role}")
        try ParameterError.require(
            isTemplate, "chatTemplate", is: message.debugDescription,
            but: "a text with {role} and after it, once, {content}")
        (opening, closing) = (String(parts[0]), String(parts[1]))
    }

    /// The prompt for an answer to these messages.
    func prompt(of messages: [ChatMessage]) -> String {
        messages.map { text(opening, $0.role) + $0.content + text(closing, $0.role) }.joined()
            + text(opening, "assistant")
    }

    /// The text before which an answer ends.
    package var stop: String {
        let end = text(closing, "assistant")
        guard end.allSatisfy(\.isWhitespace) else { return end }
        var next = text(opening, "user")
        while next.last?.isWhitespace == true { next.removeLast() }
        return end + next
    }

    private func text(_ part: String, _ role: String) -> String {
        part.replacing("{role}", with: role)
    }
}

/// A message of a chat.
struct ChatMessage: Decodable, Sendable {
    let role: String
    let content: String

    init(from decoder: any Decoder) throws {
        let fields = try RequestFields(decoder, named: ["role", "content", "name"])
        let roles = ["system", "developer", "user", "assistant"]
        guard let role = try fields.word("role", among: roles) else {
            throw ServingError.missingField("role")
        }
        _ = try fields.text("name")
        let parts: ChatContent? = try fields.value(
            "content", allowed: "a string, or an array of parts of the type 'text'")
        guard let parts else { throw ServingError.missingField("content") }
        self.role = role
        content = parts.text
    }
}

/// The content of a message: a text, or parts of one.
private struct ChatContent: Decodable {
    private struct Part: Decodable {
        let text: String

        init(from decoder: any Decoder) throws {
            let fields = try RequestFields(decoder, named: ["type", "text"])
            guard try fields.word("type", among: ["text"]) != nil, let text = try fields.text("text") else {
                throw ServingError.missingField("text")
            }
            self.text = text
        }
    }

    let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self.text = text
        } else {
            text = try container.decode([Part].self).map(\.text).joined()
        }
    }
}

/// What `POST /v1/chat/completions` takes.
struct ChatRequest: ServingRequest {
    let messages: [ChatMessage]
    let sampling: SamplingFields
    /// Alternatives to each token; nil where tokens are not told.
    let alternativeCount: Int?

    /// Tokens of an answer where the request does not say how many.
    private static let defaultLength = 256

    init(from decoder: any Decoder, configuration limits: ServingLimits) throws {
        let fields = try RequestFields(
            decoder,
            named: SamplingFields.names + ["messages", "max_completion_tokens", "logprobs", "top_logprobs"])
        if fields.has("max_tokens"), fields.has("max_completion_tokens") {
            throw ServingError.fieldNeeds("max_tokens", needed: "to be without 'max_completion_tokens'")
        }
        sampling = try SamplingFields(
            fields, limits: limits,
            lengthName: fields.has("max_tokens") ? "max_tokens" : "max_completion_tokens",
            defaultLength: Self.defaultLength)
        let tells = try fields.flag("logprobs") ?? false
        let count = try fields.integer("top_logprobs", in: 0...20)
        if count != nil, !tells {
            throw ServingError.fieldNeeds("top_logprobs", needed: "'logprobs' to be true")
        }
        alternativeCount = tells ? count ?? 0 : nil
        messages = try fields.value("messages", allowed: "an array of messages") ?? []
        guard !messages.isEmpty else {
            throw ServingError.invalidField("messages", allowed: "an array of at least one message")
        }
    }
}
#endif
