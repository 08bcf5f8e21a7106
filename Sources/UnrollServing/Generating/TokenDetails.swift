#if Serving
import UnrollBase
import UnrollGeneration
import UnrollText

/// A token as an answer tells it.
struct TokenDetail: Sendable {
    /// The text that it completes, or its name where it completes none.
    let text: String
    let bytes: [UInt8]
    /// Nil for the first token of a text.
    let logProbability: Double?
    let alternatives: [TokenDetail]
    /// The number of Unicode scalars before its text.
    let offset: Int
}

/// Makes the details of one text's tokens, in order.
struct TokenDetails: Sendable {
    let vocabulary: Vocabulary
    /// Unicode scalars of the text so far.
    private var offset = 0

    init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
    }

    mutating func details(of tokens: [GeneratedToken]) -> [TokenDetail] {
        tokens.map { token in
            defer { offset += token.text.unicodeScalars.count }
            return TokenDetail(
                text: token.text.isEmpty ? name(token.id) : token.text,
                bytes: token.text.isEmpty ? vocabulary.bytes(of: token.id) : Array(token.text.utf8),
                logProbability: token.logProbability,
                alternatives: token.alternatives.map { other in
                    TokenDetail(
                        text: name(other.id), bytes: vocabulary.bytes(of: other.id),
                        logProbability: other.logProbability, alternatives: [], offset: offset)
                }, offset: offset)
        }
    }

    private func name(_ id: Int32) -> String { vocabulary.token(id) ?? "" }
}

/// The field `logprobs` of a completion.
struct CompletionLogProbabilities: Encodable {
    let tokens: [String]
    let tokenLogProbabilities: [Nullable<Double>]
    let topLogProbabilities: [Nullable<[String: Double]>]
    let textOffset: [Int]

    private enum CodingKeys: String, CodingKey {
        case tokens
        case tokenLogProbabilities = "token_logprobs"
        case topLogProbabilities = "top_logprobs"
        case textOffset = "text_offset"
    }

    init(_ details: [TokenDetail]) {
        tokens = details.map(\.text)
        tokenLogProbabilities = details.map { Nullable($0.logProbability) }
        topLogProbabilities = details.map { detail in
            // Nothing was to be expected before the first token.
            Nullable(
                detail.logProbability.map { _ in
                    Dictionary(
                        detail.alternatives.map { ($0.text, $0.logProbability ?? 0) },
                        uniquingKeysWith: { first, _ in first })
                })
        }
        textOffset = details.map(\.offset)
    }
}

/// The field `logprobs` of a chat's choice.
struct ChatLogProbabilities: Encodable {
    struct Entry: Encodable {
        let token: String
        let logprob: Double
        let bytes: [UInt8]
        /// Nil in an alternative itself.
        let topLogProbabilities: [Entry]?

        private enum CodingKeys: String, CodingKey {
            case token, logprob, bytes
            case topLogProbabilities = "top_logprobs"
        }

        init(_ detail: TokenDetail, isAlternative: Bool = false) {
            token = detail.text
            logprob = detail.logProbability ?? 0
            bytes = detail.bytes
            topLogProbabilities =
                isAlternative ? nil : detail.alternatives.map { Entry($0, isAlternative: true) }
        }
    }

    let content: [Entry]

    init(_ details: [TokenDetail]) {
        content = details.map { Entry($0) }
    }
}
#endif
