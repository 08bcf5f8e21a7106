import UnrollEngine
import UnrollText

/// Why a text cannot be generated or evaluated.
public enum GenerationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An option makes no sense; the text says which.
    case invalidOption(String)
    /// Nothing is left of the prompt after the model's preprocessing.
    case emptyPrompt
    /// The engine refuses the model.
    case engine(EngineError)
    /// The text cannot be evaluated.
    case text(TextError)
    /// The model's output is not a number.
    case notANumber
    /// What is to be gone on from was read by another model.
    case stateOfAnotherModel
    /// A file holds no state of generation that can be used.
    case unusableState(path: String, reason: String)
    /// A token that is to be banned is none of the vocabulary's.
    case unknownToken(String, kind: TokenKind)
    /// All tokens are banned.
    case nothingToChoose
    /// What a model learnt from a text while it was evaluated took it out of all bounds.
    case adaptationDiverged(learningRate: Float)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .invalidOption(let reason): reason
        case .emptyPrompt:
            "the prompt is empty; give the model something to go on from, as in --prompt \"the \""
        case .engine(let error): error.description
        case .text(let error): error.description
        case .notANumber: "the model's output is not a number; its parameters are damaged, train it again"
        case .stateOfAnotherModel:
            "the state is that of another model; go on with the model that has read the text, or read it again"
        case .unusableState(let path, let reason):
            "\(path): \(reason); read the text again and save what the model then knows"
        case .unknownToken(let token, let kind):
            "the model has no token \(token.debugDescription) to ban (--ban); its tokens are \(kind.rawValue)"
        case .nothingToChoose: "all tokens of the model are banned (--ban); leave one at least to choose"
        case .adaptationDiverged(let rate):
            "dynamic evaluation diverged at a learning rate of \(rate); use a smaller --learning-rate"
        }
    }
}
