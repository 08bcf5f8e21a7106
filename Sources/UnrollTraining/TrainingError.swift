import Foundation
import UnrollBase

/// Why a run cannot start or go on.
///
/// Options out of range are a `ParameterError`; what goes wrong with texts, engines and files is thrown as `TextError`,
/// `EngineError` and `FileError`.
public enum TrainingError: UnrollError, Equatable {
    /// The loss or the gradient is not finite, the perplexity exceeds what a `Double` holds, or the loss stays far above
    /// that of tokens drawn at random.
    case diverged(epoch: Int, step: Int, learningRate: Float)
    /// No token of the text is frequent enough to be in the vocabulary.
    case noKnownTokens(text: String)
    /// A text for validation or testing was read with another vocabulary than the training text.
    case otherVocabulary(text: String, trainingText: String)
    /// The run has stopped because its checkpoints cannot be written; `attempts` of them in a row.
    case cannotSave(folder: String, attempts: Int, reason: String)
    /// The folder is a checkpoint that another run keeps, and removes when it is old.
    case keptCheckpoint(folder: String, run: String)
    /// The run of a folder cannot be resumed.
    case cannotResume(folder: String, ResumeProblem)
    /// A process of a group differs from the first in something that bits depend on.
    case otherProcess(rank: Int, subject: String, value: String, expected: String)
    /// The recurrent state lies in several processes, which have not collected it since the last step.
    case scatteredState(processes: Int)

    /// Why a run cannot be resumed.
    public enum ResumeProblem: Sendable, Equatable {
        /// The folder has no checkpoint: this file is missing.
        case noCheckpoint(file: String)
        /// The texts are not those of the run.
        case otherText(names: [String])
        /// The run has already done more epochs than it is to do in all.
        case doneEpochs(done: Int, requested: Int)
        /// The run has done more steps than are asked for.
        case doneSteps(done: Int, requested: Int)
    }

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .diverged(let epoch, let step, let learningRate):
            "training diverged: the loss is not finite, or far too large, in epoch \(epoch), step \(step); the last "
                + "checkpoint is kept; try a smaller learning rate than "
                + NumberFormat.significant(Double(learningRate))
        case .noKnownTokens(let text):
            "'\(text)': no token is frequent enough to be in the vocabulary; lower the minimum frequency"
        case .otherVocabulary(let text, let trainingText):
            "'\(text)' has another vocabulary than '\(trainingText)'; read it with that one's"
        case .cannotSave(let folder, let attempts, let reason):
            "training stopped, as \(attempts == 1 ? "a checkpoint" : "\(attempts) checkpoints in a row") could not be "
                + "written to '\(folder)': \(reason); the last one written is whole: fix the cause and resume the run"
        case .keptCheckpoint(let folder, let run):
            "'\(folder)' is a checkpoint that the run in '\(run)' keeps for a while; go on with it in a new folder"
        case .otherProcess(let rank, let subject, let value, let expected):
            "process \(rank) of the group has another \(subject) than process 0: \(value), not \(expected); all "
                + "need the same"
        case .scatteredState(let processes):
            "the recurrent state lies in \(processes) processes; save the run with a checkpoint writer, which has them "
                + "collect it"
        case .cannotResume(let folder, let problem):
            "cannot resume '\(folder)': \(problem.description)"
        }
    }
}

extension TrainingError.ResumeProblem: CustomStringConvertible {
    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .noCheckpoint(let file):
            "there is no \(file) in it; start a new run"
        case .otherText(let names) where names.count == 1:
            "'\(names[0])' is not the text of the run; give that one"
        case .otherText(let names):
            "'\(names.joined(separator: "', '"))' are not the texts of the run; give those"
        case .doneEpochs(let done, let requested):
            "it has done \(done) epochs, more than the \(requested) requested; ask for more"
        case .doneSteps(let done, let requested):
            "it has done \(done) steps, more than the \(requested) requested; ask for more"
        }
    }
}
