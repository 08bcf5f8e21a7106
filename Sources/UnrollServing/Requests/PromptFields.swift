#if Serving
import UnrollGeneration

extension RequestFields {
    /// A text, several, token ids, or several lists of those, as OpenAI's fields `prompt` and `input` have them.
    func prompts(_ name: String, count: ClosedRange<Int>) throws -> [GenerationRequest.Prompt]? {
        let allowed =
            "a string, an array of token ids, or an array of \(count.lowerBound) to \(count.upperBound) of either"
        guard let field: Prompts = try value(name, allowed: allowed) else { return nil }
        guard count.contains(field.values.count) else {
            throw ServingError.invalidField(name, allowed: allowed)
        }
        return field.values
    }
}

private struct Prompts: Decodable {
    let values: [GenerationRequest.Prompt]

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
    }
}
#endif
