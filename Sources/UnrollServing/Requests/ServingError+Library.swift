#if Serving
import UnrollBase
import UnrollEngine
import UnrollGeneration

extension ServingError {
    /// What an error of the library says about a request; nil where the request is not the cause.
    package init?(_ error: any Error) {
        switch error {
        case let error as ServingError: self = error
        case let error as ParameterError: self.init(error)
        case GenerationError.emptyPrompt:
            self = .invalidField("prompt", allowed: "a text of at least one token of the model")
        case GenerationError.stateOfAnotherModel: self = .unknownState("")
        case GenerationError.allTokensBanned:
            self = .invalidField("logit_bias", allowed: "such that a token is left to choose")
        case EngineError.tokenOutOfRange(let id, let count):
            self = .invalidField("prompt", allowed: "of token ids in 0..<\(count), which \(id) is not")
        default: return nil
        }
    }

    private init(_ error: ParameterError) {
        switch error {
        case .outOfRange(let parameter, let value, let allowed):
            self = .invalidField(Self.field(parameter), allowed: "\(allowed), which \(value) is not")
        case .needs(let parameter, let other, let values):
            self = .fieldNeeds(
                Self.field(parameter),
                needed: "'\(Self.field(other))'"
                    + (other == "strategy" ? " above 0" : values.first.map { " to be \($0)" } ?? ""))
        case .excludes(let parameter, let other):
            self = .fieldNeeds(Self.field(parameter), needed: "to be without '\(Self.field(other))'")
        }
    }

    /// The field for a parameter of the library: in lower case, with underscores.
    private static func field(_ parameter: String) -> String {
        switch parameter {
        case "length": "max_tokens"
        case "strategy": "temperature"
        case "alternativeCount": "logprobs"
        default:
            parameter.reduce(into: "") { name, character in
                name += character.isUppercase ? "_\(character.lowercased())" : String(character)
            }
        }
    }
}
#endif
