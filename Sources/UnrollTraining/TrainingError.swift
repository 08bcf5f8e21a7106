import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// Why a run cannot start or go on.
public enum TrainingError: Error, Sendable, CustomStringConvertible {
    /// The text cannot be cut as the options say.
    case text(TextError)
    /// The engine refuses the model or a minibatch.
    case engine(any Error)
    /// A checkpoint cannot be written or read.
    case storage(any Error)
    /// An option makes no sense; the text says which.
    case invalidOption(String)
    /// Loss or gradient are no longer numbers, or the perplexity is beyond all numbers.
    case diverged(epoch: Int, step: Int, learningRate: Float)
    /// A run has ended because its checkpoints cannot be written.
    case cannotSave(folder: String, attempts: Int, reason: String)
    /// A checkpoint does not fit what it is resumed with.
    case cannotResume(folder: String, reason: String)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .text(let error): error.description
        case .engine(let error): "\(error)"
        case .storage(let error): "\(error)"
        case .invalidOption(let reason): reason
        case .diverged(let epoch, let step, let learningRate):
            "training diverged: the loss is no longer a number, or far too large, in epoch \(epoch), step \(step); the last checkpoint "
                + "is kept; try a smaller --learning-rate than \(learningRate)"
        case .cannotSave(let folder, let attempts, let reason):
            "training stopped, as \(attempts == 1 ? "a checkpoint" : "\(attempts) checkpoints in a row") could not be "
                + "written to '\(folder)': \(reason); the last one written is whole: see to that and go on with --resume"
        case .cannotResume(let folder, let reason):
            "cannot resume '\(folder)': \(reason)"
        }
    }
}
