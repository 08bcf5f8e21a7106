import UnrollBase
import UnrollText

/// Why a text cannot be generated or scored.
///
/// Options that are out of range are `ParameterError`s; errors of engines, models and texts pass unchanged.
public enum GenerationError: UnrollError, Equatable {
    /// Nothing is left of the prompt after the model's preprocessing.
    case emptyPrompt
    /// The model's output is not finite.
    case notANumber
    /// The state was read by another model.
    case stateOfAnotherModel
    /// The data or the file, if it has a path, is not a usable generation state.
    case unusableState(path: String?, reason: String)
    /// A banned token is not in the vocabulary, whose tokens are of this kind.
    case unknownToken(String, kind: TokenKind)
    /// All tokens are banned.
    case allTokensBanned
    /// Dynamic evaluation diverged.
    case adaptationDiverged(learningRate: Float)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .emptyPrompt:
            "the prompt is empty; give the model a text to continue, such as \"the \""
        case .notANumber: "the model's output is not finite; its parameters are damaged, train it again"
        case .stateOfAnotherModel:
            "the state is another model's; use the model that has read the text, or read it again"
        case .unusableState(let path, let reason):
            (path.map { "\($0): " } ?? "") + "\(reason); read the text again and save the state"
        case .unknownToken(let token, let kind):
            "the model has no token \(token.debugDescription) to ban; its tokens are \(kind)"
        case .allTokensBanned: "all tokens of the model are banned; leave at least one to choose"
        case .adaptationDiverged(let rate):
            "dynamic evaluation diverged at a learning rate of \(NumberFormat.significant(Double(rate))); use a smaller one"
        }
    }
}
