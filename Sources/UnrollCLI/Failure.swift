import ArgumentParser
import Foundation
import Unroll
import UnrollBase
import UnrollCluster
import UnrollRecipes
import UnrollReports

/// How a command ends when it does not end well: one line on standard error and an exit code.
struct Failure: Error {
    /// What to print; nil when everything has been said.
    let message: String?
    let exitCode: Int32
    /// Whether the message is what was asked for, such as help, and not an error.
    private var isAnswer = false

    static let usage: Int32 = 64

    init(_ message: String?, exitCode: Int32 = 1) {
        self.message = message
        self.exitCode = exitCode
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure:
            self = failure
        case is CancellationError:
            self.init("interrupted", exitCode: Interruption.exitCode)
        case let error as any UnrollError:
            let parameter = error.parameterError
            var message = error.description
            if let parameter {
                message = message.replacing(
                    parameter.description, with: parameter.description(naming: FlagNames.flag))
            }
            if let hint = Hint.hint(for: error) { message += " (\(hint))" }
            self.init(message, exitCode: parameter != nil || Self.isUsage(error) ? Self.usage : 1)
        default:
            let code = UnrollCommand.exitCode(for: error)
            self.init(
                code == .success
                    ? UnrollCommand.fullMessage(for: error) : Self.line(UnrollCommand.message(for: error)),
                exitCode: code.rawValue)
            isAnswer = code == .success
        }
    }

    /// Runs a library's check of what was typed; what is wrong there is wrong usage, with the flag's name.
    static func asUsage(_ check: () throws -> Void) throws {
        do {
            try check()
        } catch let error as any UnrollError {
            throw ValidationError(Failure(error).message ?? "")
        }
    }

    /// What the argument parser says, in one line, and where to read on if it does not say what to do.
    private static func line(_ message: String) -> String {
        if let message = RunningCommand.unknownCommand { return message }
        if let option = message.firstMatch(of: /Unknown option '(--[^'=]+)/) {
            return RunningCommand.unknown(String(option.1))
        }
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let isComplete = line.contains(";") || line.contains("Please") || line.contains("Did you mean")
        return isComplete ? line : line + "; see --help"
    }

    /// Whether an error without a parameter is about what was typed, whatever text and model it was typed for.
    private static func isUsage(_ error: any UnrollError) -> Bool {
        switch error {
        case TextError.minibatchTooLarge: true
        case KernelError.unavailable, KernelError.invalidThreadCount: true
        case GenerationError.emptyPrompt, GenerationError.unknownToken, GenerationError.allTokensBanned: true
        case RecipeError.unknownRecipe, RecipeError.unknownSetting: true
        default: false
        }
    }

    /// Whether a signal has asked the program to end.
    var isInterruption: Bool { [SIGHUP, SIGINT, SIGTERM].contains(exitCode - 128) }

    /// Says it, also in a process that is silent otherwise.
    func say() {
        if let message, isAnswer {
            Standard.output.write(message + "\n")
        } else if let message {
            // A progress bar may still be there.
            Standard.error.clearProgress()
            Standard.error.say("unroll: \(message)", isUrgent: true)
        }
    }

    func exit() -> Never {
        if Cluster.isFirst { say() }
        // Other threads may be writing.
        TemporaryItem.removeAll { Foundation.exit(exitCode) }
    }
}

/// The flags for the parameters of the libraries.
enum FlagNames {
    /// Parameters whose flags have the same name, with hyphens.
    private static let same: Set<String> = [
        "cell", "tokens", "minutes", "epochs", "maxSteps", "sequenceLength", "partitioning", "statefulEpochs",
        "validationWindows",
        "maxRecoveries", "patience", "minimumImprovement", "minimumEpochs", "checkpointSeconds",
        "checkpointSteps",
        "learningRate", "maxGradientNorm", "momentum", "weightDecay", "finalRate", "initializer", "seed",
        "precision", "engine", "device", "threads", "dropout", "embeddingDropout", "weightDrop",
        "labelSmoothing",
        "minimumFrequency", "limit", "length", "lengthPenalty", "topK", "topP", "minP", "temperature",
        "alpha", "repetitionPenalty", "repetitionWindow", "presencePenalty", "frequencyPenalty",
        "maxTokens", "shards", "queue", "connections", "keys", "chatTemplate",
    ]
    /// Parameters whose flags have other names.
    private static let other = [
        "preprocessing": "--preprocess", "vocabularySize": "--tokens", "hiddenSize": "--hidden",
        "layerCount": "--layers",
        "embeddingSize": "--embedding", "ngrams": "--ngrams", "ngrams.order": "--ngrams",
        "ngrams.weight": "--ngram-weight",
        "tiesWeights": "--tie-weights", "hasSingleBias": "--single-bias", "zoneout.output": "--zoneout",
        "zoneout.memory": "--zoneout-memory", "batchSize": "--batch", "trainingWindows": "--windows",
        "validationFraction": "--validation", "testFraction": "--test", "validation": "--validation-file",
        "test": "--test-file", "validationSteps": "--validate-steps", "earlyStopping": "--patience",
        "checkpointCount": "--keep", "rule": "--optimizer", "averagingPatience": "--optimizer asgd",
        "averagingDecay": "--average-decay", "averaging": "--average-decay", "decay": "--schedule",
        "factor": "--decay",
        "decay.epochs": "--decay-after", "decay.patience": "--decay-after", "warmUpSteps": "--warmup",
        "usesVariationalDropout": "--variational-dropout", "threadCount": "--threads",
        "beamWidth": "--beam", "windowCount": "--windows", "width": "--beam", "count": "--samples",
        "bodyBytes": "--max-body", "textsPerRequest": "--max-texts", "stateBytes": "--state-memory",
        "idleSeconds": "--idle-timeout", "answerSeconds": "--answer-timeout", "graceSeconds": "--grace",
    ]

    /// Parameters by the keys that lead to them in JSON, where the last key alone is another's name.
    private static let keys = [
        "schedule.epochs": "decay.epochs", "schedule.patience": "decay.patience", "averagingPatience": "rule",
    ]

    /// The flag for a parameter; the parameter itself where the command has none.
    static func flag(_ parameter: String) -> String {
        known(parameter).flatMap { RunningCommand.canFollow($0) ? $0 : nil } ?? parameter
    }

    /// The flag for the parameter that these keys lead to in JSON; nil where there is none.
    static func flag(settling path: [String]) -> String? {
        let key = path.joined(separator: ".")
        return keys[key].flatMap(known) ?? known(key) ?? path.last.flatMap(known)
    }

    private static func known(_ parameter: String) -> String? {
        if let flag = other[parameter] { return flag }
        guard same.contains(parameter) else { return nil }
        return "--"
            + parameter.reduce(into: "") { flag, character in
                flag += character.isUppercase ? "-\(character.lowercased())" : String(character)
            }
    }
}

/// The flags that help with what the libraries say without naming any.
enum Hint {
    /// What helps with an error: a command line, or flags that the running command has.
    static func hint(for error: any Error) -> String? {
        command(for: error) ?? flags(for: error).flatMap(possible)
    }

    /// The part of an advice that the running command can follow; nil if there is none.
    private static func possible(_ advice: String) -> String? {
        let parts = advice.split(separator: ", ").filter(RunningCommand.canFollow)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private static func command(for error: any Error) -> String? {
        switch error {
        case TextError.otherFormat(let file, let format): TextConversion.advice(of: format, in: file)
        case TrainingError.cannotSave(let folder, _, _): "unroll train --resume \(Shell.path(folder))"
        default: nil
        }
    }

    private static func flags(for error: any Error) -> String? {
        switch error {
        case EngineError.notEnoughMemory: "--hidden, --layers, --batch, --sequence-length"
        case EngineError.tokenOutOfRange:
            "the token ids kept of the text are damaged; remove tokens.cache from the model folder"
        case TextError.minibatchTooLarge, TextError.textTooShort: "--batch, --sequence-length"
        case TextError.textTooShortToSplit: "--validation, --test"
        case TextError.invalidUTF8, TextError.vocabularyTooLarge: "--tokens bytes"
        case TextError.emptyText: "--preprocess, --tokens"
        case GenerationError.unknownToken, GenerationError.allTokensBanned: "--ban"
        case GenerationError.emptyPrompt: "--prompt"
        case ReportError.exists(_, kind: "report"): "--output"
        case ReportError.exists: "--heatmap"
        case ReportError.holdsOtherEvents: "--tensorboard"
        case TrainingError.diverged: "--learning-rate"
        case TrainingError.otherProcess(_, subject: "engine", _, _):
            "UNROLL_KERNELS chooses kernels that all machines have"
        case TrainingError.noKnownTokens: "--minimum-frequency"
        case FileError.inUse, TrainingError.keptCheckpoint: "--output"
        case ExportError.exists: "--output, --force"
        case ExportError.holdsOtherFiles: "--output"
        case ExportError.tooLarge, ExportError.tooManyTensors: "--format safetensors"
        case TrainingError.cannotResume(_, .noCheckpoint): "--output"
        case TrainingError.cannotResume(_, .doneEpochs): "--epochs"
        case TrainingError.cannotResume(_, .doneSteps): "--max-steps"
        case ParameterError.needs(_, "validationFraction", _):
            "hold some text out, such as with --validation 0.1"
        case RecipeError.otherText: "--corpus"
        case ClusterError.noLibrary, ClusterError.otherLauncher, ClusterError.otherRelease:
            "UNROLL_MPI is the path of the library to take"
        case ClusterError.failed("NCCL", _, _, _):
            "UNROLL_NCCL is the path of the library to take; one that is not there lets MPI carry everything"
        case let error as CUDAError: gpuFlags(for: error)
        case let error as ImportError: importFlags(for: error)
        default: nil
        }
    }

    private static func importFlags(for error: ImportError) -> String? {
        switch error {
        case .ambiguousCell, .otherCell: "--cell"
        case .ambiguous(let part, let candidates): "--names \(part.rawValue)=\(candidates.first ?? "NAME")"
        case .missingPart(let part, _), .unknownName(let part, _, _): "--names \(part.rawValue)=NAME"
        case .noVocabulary, .vocabularySize: "--vocabulary, --text, --bytes"
        case .invalidVocabulary, .unsupportedToken: "--vocabulary"
        case .unsupportedFile, .unknownClass, .sharedElements, .noRecurrentLayers, .tooManyTensors,
            .severalFrameworks,
            .unsupportedFeature, .missingTensor, .wrongShape, .notFinite:
            nil
        }
    }

    private static func gpuFlags(for error: CUDAError) -> String? {
        switch error {
        case .noSuchDevice: "--device"
        case .unsupportedDevice: "--device, --engine cpu"
        case .unsupportedPrecision, .precisionMissing: "--precision float32"
        case .unknownKernels: nil
        case .outOfMemory, .arrayTooLarge: "--hidden, --layers, --batch, --sequence-length, --engine cpu"
        case .noDriver, .driverTooOld, .noDevice, .noCompiler, .compilerTooOld, .invalidWatchdog,
            .compilation, .memoryInUse, .driver:
            "--engine cpu"
        }
    }

    /// A notice, with the flags that help.
    static func described(_ notice: TrainingNotice) -> String {
        if case .withoutEffect(let parameter, _, _) = notice {
            return notice.description.replacing(
                parameter, with: FlagNames.flag(parameter), maxReplacements: 1)
        }
        let hint: String? =
            switch notice {
            case .alreadyFinished(_, maxSteps: .some): "--max-steps"
            case .alreadyFinished: "--epochs"
            case .alreadyStopped: "--patience"
            case .overfitting: "--patience, --dropout, --weight-decay"
            case .learnsNothing: "--learning-rate"
            case .warmUpOutlastsRun: "--warmup, --epochs"
            case .moreParametersThanTokens(_, _, isHeldOut: false): "--validation 0.1"
            default: nil
            }
        return notice.description + (hint.flatMap(possible).map { " (\($0))" } ?? "")
    }
}
