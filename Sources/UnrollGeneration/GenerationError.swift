import UnrollEngine
import UnrollKernels
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
    /// What a model learned from a text while it was evaluated took it out of all bounds.
    case adaptationDiverged(learningRate: Float)
    /// The bytes are nothing that Unroll has compressed.
    case notCompressed
    /// The bytes were compressed by a later version.
    case newerFormat(version: Int)
    /// The compressed bytes have been changed, at this one or behind it.
    case damaged(at: Int)
    /// The end of the compressed bytes is missing.
    case truncated
    /// There are more bytes behind the end of the compressed ones.
    case bytesBehindTheEnd(at: Int)
    /// The bytes were compressed with a model, which is not given.
    case modelNeeded
    /// The model given is not the one that the bytes were compressed with.
    case compressedWithAnotherModel
    /// The bytes were compressed with kernels that this processor cannot run.
    case kernelsMissing(KernelLevel, Precision)
    /// The compressed bytes from this one on are whole, but this machine computes another text from them.
    case irreproducible(at: Int)
    /// A text to compress has another length than was said.
    case lengthChanged(expected: Int, actual: Int)

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
        case .notCompressed: "not a text that Unroll has compressed; name one that 'unroll compress' has made"
        case .newerFormat(let version):
            "format version \(version) was written by a newer Unroll; update this program"
        case .damaged(let place):
            "damaged at byte \(place) or behind it; take another copy, or compress the text again"
        case .truncated: "the end is missing; take another copy, or compress the text again"
        case .bytesBehindTheEnd(let place):
            "does not end at byte \(place), where the compressed text ends; take away what was added"
        case .modelNeeded: "was compressed with a model; give that model"
        case .compressedWithAnotherModel:
            "was compressed with another model; give that one, as it was then"
        case .kernelsMissing(let level, let precision):
            "was compressed on a machine with \(level.rawValue) kernels for \(precision.rawValue), which this one has not;"
                + " decompress it there, or compress the text again with \(KernelLevel.environmentVariable)=portable"
        case .irreproducible(let place):
            "the block at byte \(place) is whole, but this machine or version of Unroll computes something else from it;"
                + " decompress it where it was compressed"
        case .lengthChanged(let expected, let actual):
            "the text was to have \(expected) bytes and had \(actual); it was changed meanwhile, compress it again"
        }
    }
}
